public import WebSocketCore

extension EchoServer {
    /// How an ``EchoServer`` does TLS.
    public struct TLS: Sendable {
        /// Which dates the certificate has.
        public enum Validity: Sendable, Hashable {
            /// Valid from an hour ago for a day.
            case current
            /// Expired a day ago.
            case expired
            /// Valid from tomorrow on.
            case notYet
        }

        /// Who signs the certificates; nil, the default, for an authority of the server's own.
        public var authority: TestCertificateAuthority?
        /// The DNS names and IP addresses that the certificate is for. Default: `localhost`, `127.0.0.1` and `::1`.
        ///
        /// Its common name is always `localhost`, which clients must not look at (RFC 9525).
        public var names = ["localhost", "127.0.0.1", "::1"]
        /// Which dates the certificate has. Default: good ones.
        public var validity = Validity.current
        /// Whether the certificate is signed with its own key. Default: false.
        public var isSelfSigned = false
        /// Whether an intermediate, which the server sends along, stands between the authority and the certificate. Default:
        /// false.
        public var hasIntermediate = false
        /// Whether clients must show a certificate of the same authority. Default: false.
        public var demandsClientCertificate = false
        /// The lowest version. Default: TLS 1.2.
        public var minimumVersion = TLSConfiguration.Version.tls12
        /// The highest version. Default: TLS 1.3.
        public var maximumVersion = TLSConfiguration.Version.tls13
        /// The ciphers of TLS 1.2 in OpenSSL's notation; nil, the default, for OpenSSL's own.
        public var cipherList: String?

        /// The defaults.
        public init() {}
    }
}
