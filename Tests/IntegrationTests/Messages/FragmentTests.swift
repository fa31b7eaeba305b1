import TestSupport
import Testing
import WebSocketNovaTesting

@testable import WebSocketNova

extension Serial {
    @Suite("Messages in fragments", .timeLimit(.minutes(1)))
    struct FragmentTests {
        typealias Frame = ScriptedServer.Frame
        struct Oops: Error {}

        private func stream<Element: Sendable>(_ elements: [Element]) -> AsyncStream<Element> {
            AsyncStream { continuation in
                for element in elements { continuation.yield(element) }
                continuation.finish()
            }
        }

        // MARK: Sending

        @Test func `each element is a frame`() async throws {
            try await withScript([.acceptUpgrade(), .receiveFrames(7), .echoFrames(1)]) { socket, server in
                try await socket.send(text: self.stream(["a", "é", "c"]))
                try await socket.send(binary: self.stream([[UInt8(1)], [], [3, 4]]))
                try await socket.send(text: self.stream(["only"]))
                _ = try await socket.close()
                let frames = try await server.finished().first.frames.dropLast()
                #expect(
                    frames.map(\.opcode) == [
                        .text, .continuation, .continuation, .binary, .continuation, .continuation, .text,
                    ]
                )
                #expect(frames.map(\.isFinal) == [false, false, true, false, false, true, true])
                #expect(frames.prefix(3).map(\.text) == ["a", "é", "c"])
                #expect(frames.dropFirst(3).prefix(3).map(\.payload) == [[1], [], [3, 4]])
            }
        }

        @Test func `an empty sequence is an empty message`() async throws {
            try await withEchoServer { server in
                try await withWebSocket(to: server.url) { socket in
                    try await socket.send(text: self.stream([String]()))
                    try await socket.send(binary: self.stream([[UInt8]]()))
                    #expect(try await socket.nextMessage() == .text(""))
                    #expect(try await socket.nextMessage() == .binary([]))
                }
            }
        }

        @Test func `a sequence that throws before its first fragment went sends nothing`() async throws {
            try await withEchoServer { server in
                try await withWebSocket(to: server.url) { socket in
                    for elements in [[String](), ["held back"]] {
                        let (stream, continuation) = AsyncThrowingStream<String, any Error>.makeStream()
                        for element in elements { continuation.yield(element) }
                        continuation.finish(throwing: Oops())
                        await #expect(throws: Oops.self) { try await socket.send(text: stream) }
                    }
                    try await socket.send("goes on")
                    #expect(try await socket.nextMessage() == .text("goes on"))
                }
            }
        }

        @Test func `a sequence that throws in the middle closes with 1011`() async throws {
            try await withScript([.acceptUpgrade(), .receiveFrame, .echoFrames(1)]) { socket, server in
                let (stream, continuation) = AsyncThrowingStream<String, any Error>.makeStream()
                continuation.yield("gone")
                continuation.yield("held back")
                continuation.finish(throwing: Oops())
                await #expect(throws: Oops.self) { try await socket.send(text: stream) }
                let frames = try await server.finished().first.frames
                #expect(frames.map(\.opcode) == [.text, .close])
                #expect(frames.last?.closeCode == 1011)
                await #expect(throws: WebSocketError.self) { try await socket.send("late") }
            }
        }

        @Test func `a fragment that makes the message too large closes with 1011`() async throws {
            let configuration = WebSocketConfiguration.with { $0.limits.outboundMessageSize = 10 }
            try await withScript([.acceptUpgrade(), .receiveFrame, .echoFrames(1)], configuration) { socket, server in
                let error = await #expect(throws: WebSocketError.self) {
                    try await socket.send(text: self.stream(["123456", "123456", "1"]))
                }
                #expect(error?.code == .messageTooLarge)
                let code = try await server.finished().first.frames.last?.closeCode
                #expect(code == 1011)
            }
        }

        @Test func `other senders never get in between, pings do`() async throws {
            try await withEchoServer { server in
                try await withWebSocket(to: server.url) { socket in
                    let senders = 6
                    let each = 40
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for sender in 0..<senders {
                            group.addTask {
                                for number in 0..<each {
                                    let parts = ["\(sender) ", "\(number) ", "end"]
                                    if sender % 2 == 0 {
                                        try await socket.send(text: self.stream(parts))
                                    } else {
                                        try await socket.send(parts.joined())
                                    }
                                }
                            }
                        }
                        group.addTask { for _ in 0..<20 { _ = try await socket.ping() } }
                        group.addTask {
                            var next = [Int](repeating: 0, count: senders)
                            for _ in 0..<(senders * each) {
                                guard case .text(let text) = try await socket.nextMessage() else { break }
                                let words = text.split(separator: " ")
                                let sender = try #require(words.count == 3 ? Int(words[0]) : nil, "\(text)")
                                #expect(Int(words[1]) == next[sender])
                                next[sender] += 1
                            }
                            #expect(next == [Int](repeating: each, count: senders))
                        }
                        try await group.waitForAll()
                    }
                }
            }
        }

        // MARK: Receiving

        private static let message = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }

        /// A message in frames, with a ping between them.
        private static var fragmented: [UInt8] {
            let pieces = stride(from: 0, to: message.count, by: 50_000).map {
                Array(message[$0..<min($0 + 50_000, message.count)])
            }
            return pieces.enumerated().flatMap { index, piece in
                Frame(index == 0 ? .binary : .continuation, piece, isFinal: index == pieces.count - 1).encoded
                    + Frame(.ping, [UInt8(index)]).encoded
            }
        }

        @Test func `a message can be read as it comes`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .pause(until: "reading"), .send(Self.fragmented, inChunksOf: 7_000),
                .send(Frame.text("next")), .send(Frame.close(1000)), .receiveFrame,
            ]
            try await withScript(script) { socket, server in
                let reader = Task {
                    var sizes: [Int] = []
                    var bytes: [UInt8] = []
                    for try await fragment in socket.fragmentsOfNextMessage {
                        #expect(fragment.kind == .binary)
                        sizes.append(fragment.bytes.count)
                        bytes += fragment.bytes
                        #expect(fragment.isFinal == (bytes.count == Self.message.count))
                    }
                    return (sizes, bytes)
                }
                // The wish for pieces must be known before the message begins.
                await eventually("it waits for pieces") { socket.inbound?.demand.wantsFragments == true }
                server.proceed("reading")
                let (sizes, bytes) = try await reader.value
                #expect(bytes == Self.message)
                #expect(sizes.count > 2)
                #expect(try await socket.nextMessage() == .text("next"))
                #expect(try await socket.nextMessage() == nil)
            }
        }

        @Test func `F35 pieces and messages can be mixed`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .repeated(20, [.receiveFrame, .send(Self.fragmented), .send(Frame.text("whole"))]),
                .send(Frame.close(1000)),
            ]
            try await withScript(script) { socket, _ in
                for round in 0..<20 {
                    try await socket.send("go")
                    if round % 2 == 0 {
                        #expect(try await socket.nextMessage() == .binary(Self.message))
                    } else {
                        var bytes: [UInt8] = []
                        for try await fragment in socket.fragmentsOfNextMessage { bytes += fragment.bytes }
                        #expect(bytes == Self.message)
                    }
                    if round % 3 == 0 {
                        #expect(try await socket.nextMessage() == .text("whole"))
                    } else {
                        var text = ""
                        for try await fragment in socket.fragmentsOfNextMessage {
                            #expect(fragment.kind == .text)
                            text += String(decoding: fragment.bytes, as: UTF8.self)
                        }
                        #expect(text == "whole")
                    }
                }
            }
        }

        @Test func `an empty message is one empty piece`() async throws {
            try await withScript([.acceptUpgrade(), .receiveFrame, .send(Frame.text("")), .receiveFrame]) { socket, _ in
                try await socket.send("go")
                #expect(try await socket.nextFragment() == WebSocketFragment(kind: .text, bytes: [], isFinal: true))
            }
        }

        @Test func `the limit holds for the sum of the pieces`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .receiveFrame, .send(Self.fragmented), .receiveFrames(2),
            ]
            try await withScript(script, .with { $0.limits.messageSize = 120_000 }) { socket, server in
                try await socket.send("go")
                var size = 0
                let error = await #expect(throws: WebSocketError.self) {
                    while let fragment = try await socket.nextFragment() { size += fragment.bytes.count }
                }
                #expect(error?.code == .messageTooLarge)
                #expect(size <= 120_000)
                let frames = try await server.finished().first.frames
                #expect(frames.contains { $0.closeCode == 1009 } || frames.map(\.opcode).contains(.pong))
            }
        }
    }
}
