import HostileServers
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Hostile servers: pings", .timeLimit(.minutes(1)))
    struct HostilePingTests {
        @Test func `a late pong is measured as it is`() async throws {
            try await Encounter.with(.answersPingsLate) { encounter in
                let socket = try await encounter.connect()
                let begin = ContinuousClock.now
                let roundTrip = try await socket.ping()
                #expect(roundTrip <= ContinuousClock.now - begin)
                // The server has counted from its 101 on.
                #expect(roundTrip > .milliseconds(100))
                #expect(try await socket.close().wasClean)
            }
        }

        @Test(arguments: [HostileServer.neverAnswersPings, .answersOtherPings])
        func `a ping that is not answered ends with the connection`(server: HostileServer) async throws {
            try await Encounter.with(server) { encounter in
                let socket = try await encounter.connect()
                let ping = Task { try await socket.ping() }
                try await encounter.server.reached(server.description.contains("never") ? "pinged" : "answered")
                try await socket.close()
                let error = await #expect(throws: WebSocketError.self) { try await ping.value }
                #expect(error?.code == .connectionClosed)
            }
        }
    }
}
