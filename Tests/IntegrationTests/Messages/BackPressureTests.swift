import TestSupport
import Testing
import WebSocketNovaTesting

@testable import WebSocketNova

extension Serial {
    @Suite("Back-pressure", .timeLimit(.minutes(1)))
    struct BackPressureTests {
        typealias Frame = ScriptedServer.Frame

        /// The number in a message of `flood`.
        private static func number(_ message: WebSocketMessage?) -> Int? {
            guard case .binary(let bytes) = message, bytes.count >= 4 else { return nil }
            return bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        }

        private static func flood(_ count: Int, size: Int) -> [UInt8] {
            let frame = Frame.binary([UInt8](repeating: 0x5A, count: size)).encoded
            var bytes: [UInt8] = []
            bytes.reserveCapacity(count * frame.count)
            for number in 0..<count {
                bytes += frame
                let start = bytes.count - size
                for index in 0..<4 { bytes[start + index] = UInt8(truncatingIfNeeded: number >> (24 - 8 * index)) }
            }
            return bytes
        }

        /// Waits until the loop's thread has used no CPU time for a while: nothing tells that nothing happens any more.
        private static func waitForRest() async throws {
            var last = Duration.zero
            for _ in 0..<40 {
                last = ProcessCensus.cpuTime(ofThreadsNamed: "nova-loop")
                try await Task.sleep(for: .milliseconds(150))
                if last == ProcessCensus.cpuTime(ofThreadsNamed: "nova-loop") { return }
            }
            Issue.record("the loop does not come to rest")
        }

        // MARK: Receiving

        /// In a process of its own, whose memory is nobody else's.
        @Test(.disabled(if: Sanitizer.isOn, "sanitizers take memory of their own"), arguments: [12, 200, 50_000])
        func `a peer that floods while nobody reads is held back, and all comes in order`(size: Int) async {
            await #expect(processExitsWith: .success) { [size] in
                let count = 24_000_000 / (size + 100)
                let bytes = BackPressureTests.flood(count, size: size)
                let script: [ScriptedServer.Step] = [
                    .acceptUpgrade(), .send(bytes), .send(Frame.close(1000)), .receiveFrame,
                ]
                try await withScript(script, deadline: .seconds(50)) { socket, _ in
                    #expect(BackPressureTests.number(try await socket.nextMessage()) == 0)
                    let before = ProcessCensus.residentKiB
                    try await Self.waitForRest()
                    let used = ProcessCensus.cpuTime(ofThreadsNamed: "nova-loop")
                    // That nothing happens can only be seen by looking on for a while.
                    try await Task.sleep(for: .milliseconds(300))
                    #expect(ProcessCensus.cpuTime(ofThreadsNamed: "nova-loop") - used <= .milliseconds(20), "it spins")
                    let growth = ProcessCensus.residentKiB - before
                    #expect(growth < 12 << 10, "\(growth) KiB more")
                    var expected = 1
                    for try await message in socket.messages {
                        guard BackPressureTests.number(message) == expected else {
                            Issue.record("\(expected) is missing")
                            break
                        }
                        expected += 1
                    }
                    #expect(expected == count)
                }
            }
        }

        /// Few small messages in each segment: what is kept for them is in proportion.
        @Test(.disabled(if: Sanitizer.isOn, "sanitizers take memory of their own"))
        func `small messages in many segments take memory in proportion`() async {
            await #expect(processExitsWith: .success) {
                let some = (0..<8).flatMap { _ in Frame.binary([1]).encoded }
                let script: [ScriptedServer.Step] = [
                    .acceptUpgrade(), .send(some), .pause(until: "measured"),
                    .send(
                        [UInt8]((0..<1_500).flatMap { _ in some }),
                        inChunksOf: some.count,
                        interval: .microseconds(300)
                    ),
                    .mark("sent"), .receiveFrame,
                ]
                try await withScript(script) { socket, server in
                    #expect(try await socket.nextMessage() == .binary([1]))
                    let before = ProcessCensus.residentKiB
                    server.proceed("measured")
                    try await server.reached("sent")
                    // A ping's answer would be behind all of them; there is none here. The loop is done when it rests.
                    try await Self.waitForRest()
                    let growth = ProcessCensus.residentKiB - before
                    #expect(growth < 4 << 10, "\(growth) KiB more for 36 KB")
                    for _ in 0..<(1_500 * 8 + 7) { #expect(try await socket.nextMessage() == .binary([1])) }
                    socket.abort()
                }
            }
        }

        @Test func `TLS that is held back does not spin`() async {
            await #expect(processExitsWith: .success) {
                try await withEchoServer(configuration: EchoServer.Configuration(isTLS: true)) { server in
                    let configuration = WebSocketConfiguration.with {
                        $0.tls.trustRoots = .pem(server.certificatePEM)
                        $0.limits.inboundHighWaterMark = 10_000
                    }
                    try await withWebSocket(to: server.url, configuration: configuration) { socket in
                        let count = 200
                        let sender = Task {
                            for number in 0..<count {
                                try await socket.send([UInt8(number & 0xFF)] + [UInt8](repeating: 7, count: 100_000))
                            }
                        }
                        try await Self.waitForRest()
                        let used = ProcessCensus.cpuTime(ofThreadsNamed: "nova-loop")
                        // That it does not spin can only be seen by looking on for a while.
                        try await Task.sleep(for: .milliseconds(400))
                        #expect(
                            ProcessCensus.cpuTime(ofThreadsNamed: "nova-loop") - used <= .milliseconds(30),
                            "it spins"
                        )
                        for number in 0..<count {
                            guard case .binary(let bytes) = try await socket.nextMessage() else { break }
                            #expect(bytes.count == 100_001 && bytes[0] == UInt8(number & 0xFF))
                        }
                        try await sender.value
                    }
                }
            }
        }

        @Test func `pings between messages are answered, in order, while messages come`() async throws {
            let frames = (0..<200).flatMap { number in
                Frame.binary([UInt8](repeating: 1, count: 2_000)).encoded
                    + Frame(.ping, Array("\(number)".utf8)).encoded
            }
            let configuration = WebSocketConfiguration.with { $0.limits.pingsPerSecond = 200 }
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .send(frames), .receiveFrames(200)]
            try await withScript(script, configuration) { socket, server in
                for _ in 0..<200 { _ = try await socket.nextMessage() }
                let pongs = try await server.finished().first.frames
                #expect(pongs.allSatisfy { $0.opcode == .pong })
                #expect(pongs.map(\.text) == (0..<200).map { "\($0)" })
            }
        }

        /// Its pongs cannot go out; of those that are owed the last is kept (RFC 6455 section 5.5.3).
        @Test(.disabled(if: Sanitizer.isOn, "sanitizers take memory of their own"))
        func `a flood of pings from a peer that does not read takes no memory`() async {
            await #expect(processExitsWith: .success) {
                let ping = Frame(.ping, [UInt8](repeating: 0x70, count: 125)).encoded
                let script: [ScriptedServer.Step] = [
                    .acceptUpgrade(), .repeated(400, [.send([UInt8]((0..<1_000).flatMap { _ in ping }))]),
                    .mark("sent"),
                    .send(Frame(.ping, Array("last".utf8))), .pause(until: "read"), .waitForEndOfStream,
                ]
                try await withScript(script, deadline: .seconds(50)) { socket, server in
                    let before = ProcessCensus.residentKiB
                    try await server.reached("sent")
                    let growth = ProcessCensus.residentKiB - before
                    #expect(growth < 12 << 10, "\(growth) KiB more")
                    server.proceed("read")
                    // Four bytes of payload, masked: the last frame of the stream.
                    await eventually("the last ping is answered", within: .seconds(20)) {
                        let end = server.transcript.first.received.suffix(10)
                        return end.count == 10 && WireFrame.parse(end)?.0.payload == Array("last".utf8)
                    }
                    socket.abort()
                }
            }
        }

        // MARK: Sending

        private static let large = [UInt8](repeating: 0xAB, count: 200_000)

        /// Sends until that does not return any more.
        private func fill(_ socket: WebSocket) async throws -> (sender: Task<Int, any Error>, count: Locked<Int>) {
            let count = Locked(0)
            let sender = Task {
                while true {
                    try await socket.send(Self.large)
                    count.withLock { $0 += 1 }
                }
                return 0
            }
            var last = -1
            await eventually("sending suspends") {
                defer { last = count.value }
                return last > 0 && last == count.value && socket.outbound.waiterCount > 0
            }
            return (sender, count)
        }

        @Test func `a peer that does not read suspends the sender, and all comes when it does`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .pause(until: "read"), .waitForEndOfStream,
            ]
            try await withScript(script, .with { $0.deadlines.close = .seconds(1) }) { socket, server in
                let (sender, count) = try await self.fill(socket)
                // 1 MiB of the queue, and what the kernel takes for both ends: at most some MiB.
                #expect(count.value * Self.large.count < 20 << 20)
                let before = count.value
                server.proceed("read")
                await eventually("it goes on") { count.value > before + 10 }
                sender.cancel()
                await #expect(throws: CancellationError.self) { try await sender.value }
                _ = try await socket.close()
                let received = server.transcript.first.received
                let frames = ScriptedServer.Transcript.frames(in: received)
                #expect(frames.last?.opcode == .close, "everything that was accepted came before the Close frame")
                #expect(frames.count == count.value + 1)
                #expect(frames.dropLast().allSatisfy { $0.declaredLength == UInt64(Self.large.count) })
            }
        }

        @Test func `a suspended sender that is cancelled has sent nothing`() async throws {
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .pause(until: "read"), .waitForEndOfStream]
            try await withScript(script, .with { $0.deadlines.close = .seconds(1) }) { socket, server in
                let (sender, count) = try await self.fill(socket)
                let second = Task { try await socket.send("never") }
                await eventually("it waits") { socket.outbound.waiterCount == 2 }
                second.cancel()
                await #expect(throws: CancellationError.self) { try await second.value }
                sender.cancel()
                await #expect(throws: CancellationError.self) { try await sender.value }
                server.proceed("read")
                try await socket.send("after")
                _ = try await socket.close()
                let frames = ScriptedServer.Transcript.frames(in: server.transcript.first.received)
                #expect(frames.count == count.value + 2)
                #expect(frames.map(\.opcode).suffix(2) == [.text, .close])
                #expect(frames.dropLast().last?.text == "after")
            }
        }

        @Test func `when the peer resets, every waiting sender is told`() async throws {
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .pause(until: "reset"), .reset]
            try await withScript(script) { socket, server in
                let (sender, _) = try await self.fill(socket)
                let others = (0..<20).map { number in Task { try await socket.send("\(number)") } }
                await eventually("all wait") { socket.outbound.waiterCount == 21 }
                server.proceed("reset")
                for task in others {
                    let error = await #expect(throws: WebSocketError.self) { try await task.value }
                    #expect(error?.code == .connectionClosed)
                    #expect(error?.close?.code == 1006)
                }
                await #expect(throws: WebSocketError.self) { _ = try await sender.value }
            }
        }

        @Test func `closing with a full queue tells the waiting senders, and is bounded by the deadline`() async throws
        {
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .stopReading]
            try await withScript(script, .with { $0.deadlines.close = .milliseconds(300) }) { socket, _ in
                let (sender, _) = try await self.fill(socket)
                let stopwatch = Stopwatch()
                let closed = try await socket.close()
                #expect(stopwatch.elapsedInMotion < .seconds(3))
                #expect(!closed.wasClean)
                let error = await #expect(throws: WebSocketError.self) { _ = try await sender.value }
                #expect(error?.code == .connectionClosed)
            }
        }
    }
}

extension ScriptedServer.Transcript {
    /// The frames of a stream of bytes.
    static func frames(in bytes: [UInt8]) -> [ScriptedServer.Frame] {
        var frames: [ScriptedServer.Frame] = []
        var start = 0
        while let (frame, count) = WireFrame.parse(bytes[start...]) {
            frames.append(frame)
            start += count
        }
        return frames
    }
}

/// A client's frames, read and, if they are small, unmasked.
enum WireFrame {
    static func parse(_ bytes: ArraySlice<UInt8>) -> (ScriptedServer.Frame, Int)? {
        let start = bytes.startIndex
        guard bytes.count >= 2 else { return nil }
        let marker = Int(bytes[start + 1] & 0x7F)
        let extra = marker == 126 ? 2 : marker == 127 ? 8 : 0
        guard bytes.count >= 6 + extra else { return nil }
        var length = marker
        if extra > 0 { length = bytes[(start + 2)..<(start + 2 + extra)].reduce(0) { $0 << 8 | Int($1) } }
        let keyStart = start + 2 + extra
        guard bytes.count >= 6 + extra + length else { return nil }
        let key = Array(bytes[keyStart..<(keyStart + 4)])
        let masked = bytes[(keyStart + 4)...].prefix(length <= 1_000 ? length : 0)
        let payload = masked.enumerated().map { $0.element ^ key[$0.offset & 3] }
        let frame = ScriptedServer.Frame(
            ScriptedServer.Frame.Opcode(rawValue: bytes[start] & 0x0F),
            payload,
            isFinal: bytes[start] & 0x80 != 0,
            reservedBits: bytes[start] >> 4 & 7,
            declaredLength: UInt64(length)
        )
        return (frame, 6 + extra + length)
    }
}
