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
    /// Whether it is meant for `wss`, and has a certificate.
    package let isSecure: Bool
    private let script: @Sendable (ScriptedServer.Identity) -> [Step]

    /// A server for `ws`.
    package init(_ description: String, _ script: [Step]) {
        self.description = description
        self.isSecure = false
        self.script = { _ in script }
    }

    /// A server for `wss`.
    package init(secure description: String, _ script: @escaping @Sendable (ScriptedServer.Identity) -> [Step]) {
        self.description = description
        self.isSecure = true
        self.script = script
    }

    /// Starts it, for one client or for several after one another.
    ///
    /// - Parameter deadline: how long it may live.
    package func start(
        identity: ScriptedServer.Identity,
        clients: Int = 1,
        deadline: Duration = .seconds(30)
    ) throws -> ScriptedServer {
        let script = self.script(identity)
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
