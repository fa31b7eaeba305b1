extension ScriptedServer {
    /// The certificates with which a ``ScriptedServer`` speaks TLS: see ``Step/startTLS(_:)``.
    public struct Identity: Sendable {
        let server: TestServerIdentity

        /// The authority that a client has to trust.
        public var authority: TestCertificateAuthority { self.server.authority }

        /// Makes the certificates.
        ///
        /// - Parameter tls: for which names, signed by whom, and so on. Default: what an ``EchoServer`` has.
        /// - Throws: ``TestServerError`` if OpenSSL makes none.
        public static func make(_ tls: EchoServer.TLS = EchoServer.TLS()) throws -> Identity {
            Identity(server: try TestServerIdentity(tls))
        }

        /// The authority that has signed the certificate, in PEM, for a client's trust roots.
        public var authorityPEM: [UInt8] { self.server.authority.certificatePEM }
    }
}
