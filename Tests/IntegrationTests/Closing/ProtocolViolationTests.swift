import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("A peer that breaks the protocol", .timeLimit(.minutes(1)))
    struct ProtocolViolationTests {
        typealias Frame = ScriptedServer.Frame

        struct Violation: CustomTestStringConvertible, Sendable {
            var name: String
            var bytes: [UInt8]
            var closeCode: WebSocketCloseCode
            var code: WebSocketError.Code = .protocolViolation

            var testDescription: String { self.name }

            init(_ name: String, _ frames: [Frame], _ closeCode: WebSocketCloseCode = 1002) {
                self.name = name
                self.bytes = frames.flatMap(\.encoded)
                self.closeCode = closeCode
                if closeCode == 1009 { self.code = .messageTooLarge }
            }
        }

        private static let euro: [UInt8] = [0xE2, 0x82, 0xAC]

        static let violations = [
            Violation("reserved bit", [Frame(.text, [65], reservedBits: 4)]),
            Violation("reserved bits 2 and 3", [Frame(.text, [65], reservedBits: 3)]),
            Violation("reserved opcode", [Frame(.init(rawValue: 3), [65])]),
            Violation("reserved control opcode", [Frame(.init(rawValue: 11))]),
            Violation("masked frame", [Frame(.text, [65], maskingKey: [1, 2, 3, 4])]),
            Violation("continuation without a beginning", [Frame(.continuation, [65])]),
            Violation("a message inside a message", [Frame(.text, [65], isFinal: false), Frame(.text, [66])]),
            Violation("fragmented ping", [Frame(.ping, [], isFinal: false)]),
            Violation("oversized ping", [Frame(.ping, [UInt8](repeating: 0, count: 126))]),
            Violation("oversized Close frame", [Frame(.close, [3, 232] + [UInt8](repeating: 65, count: 124))]),
            Violation("length of 16 bits where 7 do", [Frame(.text, [65], lengthForm: .sixteenBits)]),
            Violation("length of 64 bits where 16 do", [Frame(.binary, [1], lengthForm: .sixtyFourBits)]),
            Violation("length over 2^63", [Frame(.binary, [], lengthForm: .sixtyFourBits, declaredLength: 1 << 63)]),
            Violation("Close frame of one byte", [Frame(.close, [3])]),
            Violation("Close frame with 1005", [Frame.close(1005)]),
            Violation("Close frame with 999", [Frame.close(999)]),
            Violation("Close frame with 2000", [Frame.close(2000)]),
            Violation("Close reason that is not UTF-8", [Frame(.close, [3, 232, 0xFF])], 1007),
            Violation("text that is not UTF-8", [Frame(.text, [65, 0xFF, 66])], 1007),
            Violation("text that ends inside a character", [Frame(.text, Array(euro.dropLast()))], 1007),
            Violation(
                "text whose fragments are not UTF-8",
                [Frame(.text, [0xE2], isFinal: false), Frame(.continuation, [0x28], isFinal: false)],
                1007
            ),
            Violation("a message over the limit", [Frame(.binary, [], declaredLength: 10_001)], 1009),
            Violation(
                "fragments over the limit",
                [
                    Frame(.text, [UInt8](repeating: 65, count: 9_000), isFinal: false),
                    Frame(.continuation, [], declaredLength: 1_001),
                ],
                1009
            ),
        ]

        private static let configuration = WebSocketConfiguration.with { $0.limits.messageSize = 10_000 }

        /// The messages before it are delivered, the reader's answers to them go out first, then the Close frame.
        @Test(arguments: violations)
        func `is told its code, behind the answers to its messages`(violation: Violation) async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Frame.text("one").encoded + Frame.text("two").encoded + violation.bytes),
                .receiveFrames(3),
            ]
            try await withScript(script, Self.configuration) { socket, server in
                var received: [WebSocketMessage] = []
                var errors: [WebSocketError] = []
                do {
                    for try await message in socket.messages {
                        received.append(message)
                        await Task.yield()
                        try await socket.send(message)
                    }
                } catch let error as WebSocketError {
                    errors.append(error)
                }
                #expect(received == [.text("one"), .text("two")])
                #expect(errors.map(\.code) == [violation.code])
                #expect(errors.first?.close?.code == violation.closeCode)
                #expect(errors.first?.close?.wasClean == false)
                #expect(errors.first?.close?.failure?.isEmpty == false)
                let frames = try await server.finished().first.frames
                #expect(frames.map(\.opcode) == [.text, .text, .close])
                #expect(frames.last?.closeCode == violation.closeCode)
                #expect((frames.last?.payload.count ?? 0) > 2, "the Close frame says why")
            }
        }

        @Test(arguments: [violations[0], violations[18]])
        func `is told its code by a handler's connection`(violation: Violation) async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Frame.text("one").encoded + violation.bytes), .receiveFrames(2),
            ]
            try await withScriptedServer(script) { server in
                let socket = try await WebSocket.connect(to: server.url) { context, kind, payload in
                    try? context.send(kind, payload)
                }
                let frames = try await server.finished().first.frames
                #expect(frames.map(\.opcode) == [.text, .close])
                #expect(frames.last?.closeCode == violation.closeCode)
                #expect(try await socket.ended().code == violation.closeCode)
            }
        }

        @Test func `a peer that goes on is not read any more, and left soon`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Frame(.init(rawValue: 3))), .repeated(100, [.send(Frame.text("ghost"))]),
                .receiveFrame, .waitForEndOfStream,
            ]
            try await withScript(script, .with { $0.deadlines.close = .milliseconds(200) }) { socket, server in
                let (messages, error) = await socket.readToEnd()
                #expect(messages.isEmpty)
                #expect((error as? WebSocketError)?.code == .protocolViolation)
                let frames = try await server.finished().first.frames
                #expect(frames.map(\.closeCode) == [1002])
            }
        }

        @Test func `too many fragments`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Frame(.text, [65], isFinal: false)),
                .repeated(10, [.send(Frame(.continuation, [], isFinal: false))]), .receiveFrame,
            ]
            try await withScript(script, .with { $0.limits.fragmentsPerMessage = 10 }) { socket, server in
                let (_, error) = await socket.readToEnd()
                #expect(error is WebSocketError)
                let code = try await server.finished().first.frames.last?.closeCode
                #expect(code == 1009 || code == 1008)
            }
        }
    }
}
