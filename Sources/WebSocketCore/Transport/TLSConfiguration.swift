/// How `wss` connections are secured.
///
/// The default verifies the server's certificate chain against the system's roots and its name against the URL's host, and
/// takes no version below TLS 1.2.
public struct TLSConfiguration: Sendable, Hashable {
    /// Which certificate authorities are trusted.
    public struct TrustRoots: Sendable, Hashable {
        package enum Storage: Sendable, Hashable {
            case systemDefault
            case file(String)
            case pem([UInt8])
        }

        package var storage: Storage

        /// The system's roots, as OpenSSL finds them; the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` are
        /// honoured.
        public static let systemDefault = TrustRoots(storage: .systemDefault)

        /// The certificates in a PEM file, and no others.
        public static func file(_ path: String) -> TrustRoots { TrustRoots(storage: .file(path)) }

        /// The certificates in PEM bytes, and no others.
        public static func pem(_ bytes: [UInt8]) -> TrustRoots { TrustRoots(storage: .pem(bytes)) }
    }

    /// What of the server's certificate is verified.
    public struct CertificateVerification: Sendable, Hashable {
        package enum Storage: Sendable, Hashable {
            case full
            case none
        }

        package var storage: Storage

        /// The chain, the dates and the name or address of the host.
        public static let full = CertificateVerification(storage: .full)

        /// Nothing: anyone in the path can read and change everything. Each connection logs a warning.
        public static let none = CertificateVerification(storage: .none)
    }

    /// Which certificate authorities are trusted. Default: the system's.
    public var trustRoots: TrustRoots
    /// What of the server's certificate is verified. Default: everything.
    public var certificateVerification: CertificateVerification

    /// Makes a configuration.
    public init(
        trustRoots: TrustRoots = .systemDefault,
        certificateVerification: CertificateVerification = .full
    ) {
        self.trustRoots = trustRoots
        self.certificateVerification = certificateVerification
    }
}
