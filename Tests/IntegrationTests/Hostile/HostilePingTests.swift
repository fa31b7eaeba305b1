import HostileServers
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Hostile servers: pings", .timeLimit(.minutes(1)))
    struct HostilePingTests {
        private static func keepalive(interval: Int, timeout: Int) -> WebSocketConfiguration.Keepalive {
            WebSocketConfiguration.Keepalive(interval: .milliseconds(interval), timeout: .milliseconds(timeout))
        }

        @Test func `a late pong is measured as it is`() async throws {
            try await Encounter.with(
                .answersPingsLate,
                { $0.keepalive = Self.keepalive(interval: 20_000, timeout: 5_000) }
            ) { encounter in
                let socket = try await encounter.connect()
                let stopwatch = Stopwatch()
                let roundTrip = try await socket.ping()
                #expect(roundTrip <= stopwatch.elapsed)
                // The server has counted from its 101 on.
                #expect(roundTrip > .milliseconds(100))
                #expect(try await socket.close().wasClean)
            }
        }

        @Test(arguments: [HostileServer.neverAnswersPings, .answersOtherPings])
        func `a ping that is not answered ends with the connection`(server: HostileServer) async throws {
            try await Encounter.with(server, { $0.keepalive = .off }) { encounter in
                let socket = try await encounter.connect()
                let ping = Task { try await socket.ping() }
                try await encounter.server.reached(server.description.contains("never") ? "pinged" : "answered")
                try await socket.close()
                let error = await #expect(throws: WebSocketError.self) { try await ping.value }
                #expect(error?.code == .connectionClosed)
            }
        }

        @Test(arguments: [HostileServer.neverAnswersPings, .fallsSilent, .stopsReading])
        func `a peer that gives no sign of life is found`(server: HostileServer) async throws {
            try await Encounter.with(server, { $0.keepalive = Self.keepalive(interval: 50, timeout: 200) }) {
                encounter in
                let socket = try await encounter.connect()
                let (messages, error) = await socket.readToEnd()
                #expect(messages.isEmpty)
                #expect((error as? WebSocketError)?.code == .timedOut, "\(String(describing: error))")
                let closed = try await socket.ended()
                #expect(closed.code == 1006)
                #expect(closed.initiator == .transport)
                #expect(!closed.wasClean)
            }
        }

        @Test func `a peer that takes nothing is found behind a writer that it blocks`() async throws {
            try await Encounter.with(.stopsReading, { $0.keepalive = Self.keepalive(interval: 50, timeout: 200) }) {
                encounter in
                let socket = try await encounter.connect()
                let error = await #expect(throws: WebSocketError.self) {
                    while true { try await socket.send([UInt8](repeating: 1, count: 200_000)) }
                }
                #expect(error?.code == .connectionClosed)
                #expect(error?.close?.code == 1006)
                #expect(error?.close?.initiator == .transport)
            }
        }

        /// It never answers a ping, and is alive all the same.
        @Test func `a peer that sends messages in place of pongs is left alone`() async throws {
            try await Encounter.with(
                .talksInsteadOfPongs,
                {
                    $0.keepalive = Self.keepalive(interval: 50, timeout: 1_000)
                    $0.deadlines.close = .milliseconds(100)
                }
            ) { encounter in
                let socket = try await encounter.connect()
                let stopwatch = Stopwatch()
                while stopwatch.elapsed < .milliseconds(1_500) {
                    #expect(try await socket.nextMessage() == .text("alive"))
                }
                #expect(socket.closeInfo == nil)
                try await socket.close()
            }
        }
    }
}
