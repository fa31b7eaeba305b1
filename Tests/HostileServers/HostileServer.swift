package import WebSocketNovaTesting

/// A server that misbehaves in one way, or does what is legal and rare.
///
/// Each is a value that says what it does and how; a test says what a client has to make of it. See README.md for the way
/// from what users have reported of other libraries to the server that does it.
package struct HostileServer: Sendable, CustomStringConvertible {
    package typealias Step = ScriptedServer.Step
    package typealias Frame = ScriptedServer.Frame

    /// What it does: the end of a sentence that begins with "a server that".
    package let description: String
    private let kind: Kind

    private enum Kind: Sendable {
        case plain([Step])
        /// With the certificates of its own that the options describe.
        case secure(@Sendable (inout EchoServer.TLS) -> Void, @Sendable (ScriptedServer.Identity) -> [Step])
    }

    /// A server for `ws`.
    package init(_ description: String, _ script: [Step]) {
        self.description = description
        self.kind = .plain(script)
    }

    /// A server for `wss`. Its certificate is for `localhost`, `127.0.0.1` and `::1` and signed by the authority that the
    /// client trusts, unless the options say otherwise.
    package init(
        secure description: String,
        certificate change: @escaping @Sendable (inout EchoServer.TLS) -> Void = { _ in },
        _ script: @escaping @Sendable (ScriptedServer.Identity) -> [Step]
    ) {
        self.description = description
        self.kind = .secure(change, script)
    }

    /// Whether it is meant for `wss`.
    package var isSecure: Bool {
        if case .secure = self.kind { true } else { false }
    }

    /// Starts it, for one client or for several after one another.
    ///
    /// - Parameters:
    ///   - authority: whom the client trusts.
    ///   - clients: how many it serves.
    ///   - deadline: how long it may live.
    package func start(
        authority: TestCertificateAuthority,
        clients: Int = 1,
        deadline: Duration = .seconds(30)
    ) throws -> ScriptedServer {
        let script: [Step]
        switch self.kind {
        case .plain(let steps):
            script = steps
        case .secure(let change, let steps):
            var tls = EchoServer.TLS()
            tls.authority = authority
            change(&tls)
            script = steps(try .make(tls))
        }
        return try ScriptedServer(scripts: (0..<clients).map { _ in script }, deadline: deadline)
    }
}

extension HostileServer {
    /// One that makes the upgrade in order, and then plays the steps.
    static func afterUpgrade(_ description: String, _ steps: [Step]) -> HostileServer {
        HostileServer(description, [.acceptUpgrade()] + steps)
    }

    /// One that makes TLS and the upgrade in order, and then plays the steps.
    static func afterSecureUpgrade(_ description: String, _ steps: [Step]) -> HostileServer {
        HostileServer(secure: description) { [.startTLS($0), .acceptUpgrade()] + steps }
    }
}
