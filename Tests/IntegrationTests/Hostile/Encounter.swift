import HostileServers
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

/// A client's meeting with a hostile server.
struct Encounter: Sendable {
    var url: String
    /// Long deadlines for what has to end by itself; the test sets those that it is about.
    var configuration: WebSocketConfiguration
    var server: ScriptedServer

    /// Whom all of these clients trust.
    static let authority = Result { try TestCertificateAuthority() }

    /// Meets a server, on an event loop of its own, on which nothing may be left; and not for longer than the limit.
    static func with<Value>(
        _ hostile: HostileServer,
        clients: Int = 1,
        within limit: Duration = .seconds(5),
        _ change: (inout WebSocketConfiguration) -> Void = { _ in },
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (Encounter) async throws -> Value
    ) async throws -> Value {
        let authority = try Self.authority.get()
        let group = try EventLoopGroup()
        let server = try hostile.start(authority: authority, clients: clients)
        var configuration = WebSocketConfiguration()
        configuration.eventLoopGroup = group
        configuration.tls.trustRoots = .pem(authority.certificatePEM)
        configuration.deadlines.open = .seconds(25)
        configuration.deadlines.close = .milliseconds(300)
        change(&configuration)
        let scheme = hostile.isSecure ? "wss" : "ws"
        let encounter = Encounter(
            url: "\(scheme)://127.0.0.1:\(server.port)/",
            configuration: configuration,
            server: server
        )
        let stopwatch = Stopwatch()
        let result: Result<Value, any Error>
        do { result = .success(try await body(encounter)) } catch { result = .failure(error) }
        let duration = stopwatch.elapsed
        #expect(
            stopwatch.elapsedInMotion < limit,
            "a server that \(hostile) took \(duration)",
            sourceLocation: sourceLocation
        )
        await eventually("a server that \(hostile) leaves no connection", sourceLocation: sourceLocation) {
            group.loops[0].liveTunnels == 0
        }
        await server.stop()
        await group.shutDown()
        return try result.get()
    }

    func connect() async throws -> WebSocket {
        try await WebSocket.connect(to: self.url, configuration: self.configuration)
    }
}
