import Testing
import WebSocketNova
import WebSocketNovaTesting

/// Runs the body with an echo server over TLS, and a client's configuration that trusts its authority.
func withTLSServer<Value>(
    isIPv6: Bool = false,
    _ change: (inout EchoServer.TLS) -> Void = { _ in },
    _ body: (EchoServer, WebSocketConfiguration) async throws -> Value
) async throws -> Value {
    var configuration = EchoServer.Configuration(isTLS: true, isIPv6: isIPv6)
    change(&configuration.tls)
    return try await withEchoServer(configuration: configuration) { server in
        let trusting = WebSocketConfiguration.with { $0.tls.trustRoots = .pem(server.certificatePEM) }
        return try await body(server, trusting)
    }
}

/// Opens and closes a connection, and gives what the server knows of its TLS: `version`, `cipher`, `resumed`, `name`, `client`.
func tlsReport(_ base: String, _ configuration: WebSocketConfiguration) async throws -> [String: String] {
    let socket = try await WebSocket.connect(to: base + "tls", configuration: configuration)
    guard case .text(let text)? = try await socket.nextMessage() else {
        Issue.record("no report")
        return [:]
    }
    try await socket.close()
    let pairs = text.split(separator: " ").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
    return Dictionary(pairs.map { ($0[0], $0.count > 1 ? $0[1] : "") }) { first, _ in first }
}

extension WebSocketConfiguration {
    /// This one with other TLS options.
    func tls(_ change: (inout TLSConfiguration) -> Void) -> WebSocketConfiguration {
        var copy = self
        change(&copy.tls)
        return copy
    }
}

/// Checks one value of ``tlsReport(_:_:)``.
func expectTLS(
    _ base: String,
    _ configuration: WebSocketConfiguration,
    _ key: String,
    _ value: String,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let report = try await tlsReport(base, configuration)
    #expect(report[key] == value, sourceLocation: sourceLocation)
}
