import WebSocketNova
import WebSocketNovaTesting

@testable import LWSTransport

/// A phase of an opening that a server, or the lack of one, does not let end.
enum StalledPhase: String, CaseIterable, Codable {
    case connect, tls, upgrade
    /// The upgrade was refused, and the answer does not end.
    case body

    /// Which deadline bounds it.
    var kind: WebSocketError.Deadline.Kind {
        switch self {
        case .connect: .connect
        case .tls: .tls
        case .upgrade, .body: .upgrade
        }
    }

    func set(_ limit: Duration, in deadlines: inout WebSocketConfiguration.Deadlines) {
        switch self {
        case .connect: deadlines.connect = limit
        case .tls: deadlines.tls = limit
        case .upgrade, .body: deadlines.upgrade = limit
        }
    }

    /// Runs the body with a URL that does not get beyond the phase.
    func withURL(_ body: (String) async throws -> Void) async throws {
        switch self {
        case .connect:
            let port = try SilentPort()
            try await body(port.url)
        case .tls:
            try await withScriptedServer([.waitForEndOfStream]) { server in
                try await body(server.url.replacing("ws:", with: "wss:"))
            }
        case .upgrade:
            try await withScriptedServer([.expectUpgrade, .waitForEndOfStream]) { server in
                try await body(server.url)
            }
        case .body:
            try await withScriptedServer([
                .expectUpgrade, .send("HTTP/1.1 503 Busy\r\n\r\n"), .waitForEndOfStream,
            ]) { server in
                try await body(server.url)
            }
        }
    }
}

extension EventLoop.Configuration {
    /// A loop whose names are looked up by a closure, which may block.
    static func lookingUp(_ lookUp: @escaping @Sendable () -> Resolver.Outcome) -> EventLoop.Configuration {
        var configuration = EventLoop.Configuration()
        configuration.resolver = Resolver { _, _ in lookUp() }
        return configuration
    }

    /// A loop that has an answer to no look-up before the gate opens.
    static func stuckInLookUps(_ gate: Gate) -> EventLoop.Configuration {
        .lookingUp {
            gate.wait()
            return .success(["127.0.0.1"])
        }
    }
}
