import NIOCore
import NIOWebSocket

/// The work by a task that reads the channel's stream and writes to its writer.
struct AsyncWork {
    private typealias WebSocketChannel = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>
    private typealias Inbound = NIOAsyncChannelInboundStream<WebSocketFrame>
    private typealias Outbound = NIOAsyncChannelOutboundWriter<WebSocketFrame>

    private let assignment: Assignment
    private let message: Message
    private let outbound: Outbound
    private var inbound: Inbound.AsyncIterator

    static func perform(_ assignment: Assignment, _ opener: Opener) async throws -> Outcome {
        let channel = try await opener.open { try WebSocketChannel(wrappingChannelSynchronously: $0) }
        return try await channel.executeThenClose { inbound, outbound in
            var work = AsyncWork(
                assignment: assignment,
                message: Message(assignment),
                outbound: outbound,
                inbound: inbound.makeAsyncIterator()
            )
            switch assignment.work {
            case .flood: return try await work.flood()
            case .echo: return try await work.echo()
            case .sink: return try await work.sink()
            case .json: throw BenchmarkError("this contestant does not read JSON")
            }
        }
    }

    private mutating func flood() async throws -> Outcome {
        var tally = Tally()
        while let frame = try await self.inbound.next() {
            if let size = self.message.size(of: frame) {
                tally.add(size)
            } else if frame.opcode == .connectionClose {
                try await self.outbound.write(.close(.normalClosure))
                return Outcome(tally)
            } else {
                try await self.answer(frame)
            }
        }
        throw BenchmarkError("the server ended without a Close")
    }

    private mutating func echo() async throws -> Outcome {
        var tally = Tally()
        var roundTrips: [UInt64] = []
        roundTrips.reserveCapacity(self.assignment.count)
        while tally.messages < self.assignment.count {
            let start = monotonicNanoseconds()
            try await self.outbound.write(self.message.frame)
            tally.add(try await self.nextMessage())
            roundTrips.append(monotonicNanoseconds() - start)
        }
        try await self.close()
        return Outcome(messages: tally.messages, bytes: tally.bytes, roundTrips: roundTrips)
    }

    private mutating func sink() async throws -> Outcome {
        let batch = max(1, (64 << 10) / max(1, self.assignment.size))
        var left = self.assignment.count
        while left > 0 {
            let now = min(left, batch)
            try await self.outbound.write(contentsOf: (0..<now).lazy.map { [message] _ in message.frame })
            left -= now
        }
        guard let frame = try await self.inbound.next(), frame.isAcknowledgement else {
            throw BenchmarkError("the sink did not answer")
        }
        try await self.close()
        return Outcome(messages: self.assignment.count)
    }

    private mutating func nextMessage() async throws -> Int {
        while let frame = try await self.inbound.next() {
            if let size = self.message.size(of: frame) { return size }
            try await self.answer(frame)
        }
        throw BenchmarkError("the server ended early")
    }

    private mutating func close() async throws {
        try await self.outbound.write(.close(.normalClosure))
        while let frame = try await self.inbound.next(), frame.opcode != .connectionClose {}
    }

    private func answer(_ frame: WebSocketFrame) async throws {
        switch frame.opcode {
        case .ping:
            try await self.outbound.write(
                WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: frame.data)
            )
        case .pong: break
        default: throw BenchmarkError("another message: \(frame.opcode)")
        }
    }
}
