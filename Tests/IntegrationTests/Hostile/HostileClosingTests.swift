import HostileServers
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Hostile servers: our Close frame", .timeLimit(.minutes(1)))
    struct HostileClosingTests {
        struct Outcome: CustomTestStringConvertible, Sendable {
            var server: HostileServer
            var close: WebSocketCloseCode
            var wasClean: Bool
            /// Whether the close deadline ends it, and not the server.
            var needsDeadline: Bool

            init(
                _ server: HostileServer,
                _ close: WebSocketCloseCode,
                wasClean: Bool = false,
                needsDeadline: Bool = false
            ) {
                self.server = server
                self.close = close
                self.wasClean = wasClean
                self.needsDeadline = needsDeadline
            }

            var testDescription: String { "a server that \(self.server)" }
        }

        @Test(arguments: [
            Outcome(.neverAnswersClose, 1006, needsDeadline: true),
            Outcome(.floodsInsteadOfClose, 1006, needsDeadline: true),
            Outcome(.staysAfterClose, 1000, wasClean: true, needsDeadline: true),
            Outcome(.dropsInsteadOfClose, 1006), Outcome(.resetsInsteadOfClose, 1006),
            Outcome(.dropsInCloseFrame, 1006), Outcome(.violatesInsteadOfClose, 1000, needsDeadline: true),
        ])
        func `closing ends within the deadline`(outcome: Outcome) async throws {
            let deadline = Duration.milliseconds(200)
            try await Encounter.with(
                outcome.server,
                { $0.deadlines.close = outcome.needsDeadline ? deadline : .seconds(20) }
            ) { encounter in
                let socket = try await encounter.connect()
                let stopwatch = Stopwatch()
                let closed = try await socket.close()
                if outcome.needsDeadline { #expect(stopwatch.elapsed >= deadline) }
                #expect(closed.code == outcome.close, "\(closed)")
                #expect(closed.initiator == .local, "\(closed)")
                #expect(closed.wasClean == outcome.wasClean, "\(closed)")
                #expect((closed.failure == nil) == closed.wasClean, "\(closed)")
                let (_, error) = await socket.readToEnd()
                #expect(error == nil || outcome.server.description.contains("protocol"), "this side wanted it")
                _ = try? await encounter.server.finished()
                #expect(encounter.server.transcript.first.receivedFrames.first?.closeCode == 1000)
            }
        }

        @Test func `a server that reads nothing holds nobody up`() async throws {
            try await Encounter.with(.stopsReading, { $0.deadlines.close = .milliseconds(200) }) { encounter in
                let socket = try await encounter.connect()
                let sender = Self.fill(socket)
                try await encounter.server.reached("stopped")
                let closed = try await socket.close()
                #expect(closed.code == 1006)
                #expect(closed.initiator == .local)
                #expect(!closed.wasClean)
                let error = await #expect(throws: WebSocketError.self) { try await sender.value }
                #expect(error?.code == .connectionClosed)
            }
        }

        @Test func `abort does not wait for a server that reads nothing`() async throws {
            try await Encounter.with(.stopsReading, within: .seconds(2)) { encounter in
                let socket = try await encounter.connect()
                let sender = Self.fill(socket)
                try await encounter.server.reached("stopped")
                socket.abort()
                #expect(try await socket.waitUntilClosed().failure == "aborted by this side")
                let error = await #expect(throws: WebSocketError.self) { try await sender.value }
                #expect(error?.code == .connectionClosed)
            }
        }

        @Test func `a server that closes and reads nothing is left`() async throws {
            try await Encounter.with(.closesWithoutReading) { encounter in
                let socket = try await encounter.connect()
                let sender = Self.fill(socket)
                encounter.server.proceed("full")
                let closed = try await socket.waitUntilClosed()
                #expect(closed.code == 1000)
                #expect(closed.initiator == .peer)
                let error = await #expect(throws: WebSocketError.self) { try await sender.value }
                #expect(error?.code == .connectionClosed)
            }
        }

        /// Sends until the connection ends: more than all buffers take.
        private static func fill(_ socket: WebSocket) -> Task<Void, any Error> {
            Task {
                while true { try await socket.send([UInt8](repeating: 1, count: 200_000)) }
            }
        }
    }
}
