import HostileServers
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Hostile servers: the open connection", .timeLimit(.minutes(1)))
    struct HostileMessagesTests {
        struct Outcome: CustomTestStringConvertible, Sendable {
            var server: HostileServer
            /// What comes before the end.
            var messages: [WebSocketMessage] = []
            /// With what the sequence of messages ends; nil for no error.
            var error: WebSocketError.Code?
            var close: WebSocketCloseCode
            var initiator: WebSocketCloseInfo.Initiator
            /// The code of the Close frame that the server has got; nil for none.
            var answer: WebSocketCloseCode?
            /// Whether the server waits for a message of ours.
            var isPrompted = false

            var testDescription: String { "a server that \(self.server)" }

            /// The peer breaks the protocol, and is told so.
            static func violation(
                _ server: HostileServer,
                _ code: WebSocketCloseCode = 1002,
                after messages: [WebSocketMessage] = [.text("before")]
            ) -> Outcome {
                Outcome(
                    server: server,
                    messages: messages,
                    error: code == 1009 ? .messageTooLarge : .protocolViolation,
                    close: code,
                    initiator: .local,
                    answer: code
                )
            }

            /// The transport ends without a Close frame.
            static func drop(
                _ server: HostileServer,
                after messages: [WebSocketMessage] = [],
                isPrompted: Bool = false
            ) -> Outcome {
                Outcome(
                    server: server,
                    messages: messages,
                    error: .transportFailed,
                    close: 1006,
                    initiator: .transport,
                    isPrompted: isPrompted
                )
            }

            /// The peer closes, and is answered.
            static func goodbye(
                _ server: HostileServer,
                _ code: WebSocketCloseCode = 1000,
                after messages: [WebSocketMessage] = [],
                isAnswered: Bool = true
            ) -> Outcome {
                Outcome(
                    server: server,
                    messages: messages,
                    error: code == 1000 ? nil : .connectionClosed,
                    close: code,
                    initiator: .peer,
                    answer: isAnswered ? code : nil
                )
            }
        }

        static let violations: [Outcome] =
            [
                .masks, .setsRSV1, .setsRSV2, .setsRSV3, .reservedDataOpcode, .reservedControlOpcode, .wastesLength16,
                .wastesLength64, .setsTopBitOfLength, .fragmentsPing, .oversizedPing, .continuesNothing, .nestsMessages,
                .closesWithOneByte, .closesTooLong, .fragmentsClose, .marksContinuation, .compressesPing,
            ].map { .violation($0) } + HostileServer.invalidCloseCodes.map { .violation($0) }
            + [
                .violation(.splitsInvalidUTF8, 1007), .violation(.endsInsideCharacter, 1007),
                .violation(.sendsSurrogate, 1007), .violation(.failsEarly, 1007),
                .violation(.closesWithInvalidReason, 1007), .violation(.corruptDeflate, 1007),
                .violation(.announcesTooMuch, 1009), .violation(.compressedBomb, 1009, after: []),
                .violation(.endlessBomb, 1009, after: []), .violation(.messageNeverEnds, 1009, after: []),
                .violation(.fragmentsByByte, 1008, after: []), .violation(.floodsEmptyFragments, 1008, after: []),
                .violation(.floodsFragmentsAndPings, 1008, after: []), .violation(.garbageWithSwitch, after: []),
                .violation(.switchesTwice, after: []),
            ]

        static let drops: [Outcome] = [
            .drop(.dropsInFrameHeader), .drop(.dropsInFrame), .drop(.dropsInMessage), .drop(.dropsBetweenMessages),
            .drop(.halfCloses), .drop(.resetsInFrame, isPrompted: true), .drop(.resetsInMessage, isPrompted: true),
            .drop(.resetsBetweenMessages, isPrompted: true),
            .drop(.thousandMessagesAndDrop, after: Self.thousandMessages), .drop(.dropsInTLSRecord),
            .drop(.resetsInTLSRecord), .drop(.garbageBeneathTLS), .drop(.plainBeneathTLS), .drop(.oversizedTLSRecord),
            .drop(.omitsCloseNotify, after: [.text("last")]), .drop(.closesTLSOnly, after: [.text("last")]),
        ]

        static let legal: [Outcome] = [
            .goodbye(.dataWithSwitch, after: [.text("one"), .text("two")]), .goodbye(.closeWithSwitch, 1013),
            .goodbye(.interimResponses, after: [.text("hello")]),
            .goodbye(.separateInterimResponses, after: [.text("hello")]),
            .goodbye(.tricklesSwitch, after: [.text("hello")]),
            .goodbye(
                .tricklesEverything,
                after: [.text("héllo"), .text("fragment"), .binary([UInt8](repeating: 7, count: 300))]
            ), .goodbye(.dripsLargeMessage, after: [.binary([UInt8](repeating: 7, count: 100_000))]),
            .goodbye(.thousandMessagesAndClose, after: Self.thousandMessages, isAnswered: false),
            .goodbye(.thousandMessagesAndStay, after: Self.thousandMessages),
            .goodbye(.splitsTLSRecords, after: [.text("hello")]), .goodbye(.sendsAfterClose, after: [.text("last")]),
            .goodbye(.floodsAfterClose, after: [.text("last")]), .goodbye(.closesTwice, after: [.text("last")]),
            .goodbye(.closesAndStays, after: [.text("last")]),
        ]

        private static let thousandMessages: [WebSocketMessage] =
            (0..<HostileServer.farewellCount).map { .text("message \($0)") }

        @Test(arguments: violations + drops + legal)
        func `ends so, and not otherwise`(outcome: Outcome) async throws {
            try await Encounter.with(outcome.server, { $0.compression = .defaults }) { encounter in
                let socket = try await encounter.connect()
                if outcome.isPrompted { try await socket.send("go") }
                let (messages, error) = await socket.readToEnd()
                #expect(messages == outcome.messages)
                #expect((error as? WebSocketError)?.code == outcome.error, "\(String(describing: error))")
                let closed = try await socket.ended()
                #expect(closed.code == outcome.close, "\(closed)")
                #expect(closed.initiator == outcome.initiator, "\(closed)")
                #expect((closed.failure == nil) == closed.wasClean, "\(closed)")
                #expect(await Self.closeCode(encounter.server) == outcome.answer)
            }
        }

        /// The code of the Close frame that the server has got by its end.
        private static func closeCode(_ server: ScriptedServer) async -> WebSocketCloseCode? {
            // A script that the client has cut short has failed; what it saw counts.
            _ = try? await server.finished()
            return server.transcript.first.receivedFrames.last { $0.opcode == .close }?.closeCode
        }

        /// A reset may reach the client before it has read the 101.
        @Test func `a reset behind the 101 is a failed transport, opened or not`() async throws {
            for _ in 0..<10 {
                try await Encounter.with(.resetsBehindSwitch) { encounter in
                    do {
                        let (messages, error) = try await encounter.connect().readToEnd()
                        #expect(messages.isEmpty)
                        #expect((error as? WebSocketError)?.code == .transportFailed)
                    } catch let error as WebSocketError {
                        #expect(error.code == .transportFailed)
                    }
                }
            }
        }
    }
}
