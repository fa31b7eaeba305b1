import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("What comes in one segment with the 101", .timeLimit(.minutes(1)))
    struct FirstMessageTests {
        private static let large = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

        struct Greeting: CustomTestStringConvertible, Sendable {
            var name: String
            var messages: [WebSocketMessage]
            /// How many bytes of the frames are in the write of the 101.
            var together: Int = .max

            var testDescription: String { self.name }

            var bytes: [UInt8] {
                self.messages.flatMap { message in
                    switch message {
                    case .text(let text): ScriptedServer.Frame.text(text).encoded
                    case .binary(let bytes): ScriptedServer.Frame.binary(bytes.array).encoded
                    }
                }
            }

            var script: [ScriptedServer.Step] {
                let bytes = self.bytes
                return [
                    .acceptUpgrade(following: Array(bytes.prefix(self.together))), .delay(.milliseconds(20)),
                    .send(Array(bytes.dropFirst(self.together))), .receiveFrame,
                    .send(ScriptedServer.Frame.close(1000)), .receiveFrame,
                ]
            }
        }

        static let greetings = [
            Greeting(name: "one small message", messages: [.text("hello")]),
            Greeting(name: "an empty message", messages: [.binary([])]),
            Greeting(name: "many small ones", messages: (0..<2_000).map { .text("message \($0)") }),
            Greeting(name: "a small one, cut in its header", messages: [.text("hello")], together: 1),
            Greeting(name: "a large one", messages: [.binary(large), .text("behind it")]),
            Greeting(
                name: "a large one, cut in the middle",
                messages: [.binary(large), .text("behind it")],
                together: 30_000
            ),
            Greeting(name: "a large one, cut in its header", messages: [.binary(large)], together: 5),
            Greeting(
                name: "small ones before a large one that is cut",
                messages: [.text("a"), .text("b"), .binary(large), .text("c")],
                together: 70_000
            ),
        ]

        @Test(arguments: greetings)
        func `is read from the sequence`(greeting: Greeting) async throws {
            try await withScript(greeting.script) { socket, _ in
                for expected in greeting.messages {
                    let message = try await socket.nextMessage()
                    guard message == expected else {
                        Issue.record("not the message that was sent")
                        return
                    }
                }
                try await socket.send("seen")
                #expect(try await socket.nextMessage() == nil)
                #expect(try await socket.ended().wasClean)
            }
        }

        @Test(arguments: greetings)
        func `is given to the handler`(greeting: Greeting) async throws {
            try await withScriptedServer(greeting.script) { server in
                let received = Locked<[WebSocketMessage]>([])
                let socket = try await WebSocket.connect(to: server.url) { _, kind, payload in
                    let bytes = payload.withUnsafeBytes { Array($0) }
                    let message: WebSocketMessage =
                        kind == .text ? .text(String(decoding: bytes, as: UTF8.self)) : .binary(bytes)
                    received.withLock { $0.append(message) }
                }
                await eventually("all messages came") { received.withLock { $0.count } >= greeting.messages.count }
                let isSame = received.withLock { $0 } == greeting.messages
                #expect(isSame)
                try await socket.send("seen")
                #expect(try await socket.ended().wasClean)
            }
        }

        @Test func `a Close frame there ends the connection in order`() async throws {
            let frames =
                ScriptedServer.Frame.text("last words").encoded
                + ScriptedServer.Frame.close(4001, reason: "full").encoded
            try await withScript([.acceptUpgrade(following: frames), .receiveFrame]) { socket, server in
                let (messages, error) = await socket.readToEnd()
                #expect(messages == [.text("last words")])
                #expect((error as? WebSocketError)?.code == .connectionClosed)
                #expect((error as? WebSocketError)?.close?.code == 4001)
                #expect((error as? WebSocketError)?.close?.reason == "full")
                let frames = try await server.finished().first.frames
                #expect(frames.map(\.closeCode) == [4001])
            }
        }
    }
}
