extension ScriptedServer {
    /// A certificate and its key, with which a ``ScriptedServer`` speaks TLS: see ``Step/startTLS(_:)``.
    public struct Identity: Sendable {
        let server: TestServerIdentity

        /// The authority that has signed the certificate, in PEM, for a client's trust roots.
        public var authorityPEM: [UInt8] { self.server.authority.certificatePEM }

        /// Makes a certificate for `localhost`, `127.0.0.1` and `::1`, valid for a day, and an authority that signs it.
        public static func make() throws -> Identity { Identity(server: try TestServerIdentity(EchoServer.TLS())) }
    }
}
