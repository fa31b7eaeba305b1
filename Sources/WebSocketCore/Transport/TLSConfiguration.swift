/// How `wss` connections are secured.
///
/// The default verifies the server's certificate chain against the system's roots and its name or address against the URL's
/// host, and takes no version below TLS 1.2.
///
/// Files are named here and read when a connection is opened, off the event loop: a file that is missing, holds no PEM, or
/// holds a key that does not fit its certificate fails the opening with `invalid_configuration`. What was read is shared by
/// all connections with an equal configuration, and read again when a file has changed (another device, inode, size or time
/// of change); if the new content cannot be used, a warning is logged and connections go on with the old one. So a
/// certificate can be renewed under a running service.
///
/// Neither certificate revocation lists nor OCSP are consulted.
public struct TLSConfiguration: Sendable, Hashable {
    /// Which certificate authorities are trusted. Default: the system's.
    ///
    /// It defends against a server that anybody could be: the certificate must lead to one of these authorities.
    public var trustRoots: TrustRoots

    /// What of the server's certificate is verified. Default: everything.
    public var certificateVerification: CertificateVerification

    /// Public keys of which the server must show one. Default: none are asked for.
    ///
    /// It defends against a certificate that a trusted authority should not have issued. With
    /// ``CertificateVerification/full``, one certificate of the verified chain must have one of these keys: the server's own, an
    /// intermediate's or the root's. Without verification it must be the server's own, because nothing ties the others to it.
    /// Pin a second key that is kept in reserve, or the loss of the first locks every client out.
    public var pins: [PublicKeyPin]

    /// The certificate that this side shows to a server that asks for one. Default: nil.
    public var clientIdentity: ClientIdentity?

    /// The name to send (SNI, RFC 6066 section 3) and to verify in place of the URL's host: a DNS name or an IP address.
    /// Default: nil, the URL's host.
    ///
    /// It is for servers that are reached by another name or address than the one in their certificate. An address is
    /// verified, but not sent.
    public var serverName: String?

    /// The lowest version to accept. Default: TLS 1.2, or what the system's OpenSSL configuration asks for, if that is more.
    ///
    /// It defends against a downgrade to versions with known weaknesses; those below 1.2 cannot be chosen (RFC 8996).
    public var minimumVersion: Version

    /// The highest version to offer, or nil for the highest that OpenSSL has. Default: nil.
    ///
    /// It is for servers that fail on versions they do not know.
    public var maximumVersion: Version?

    /// The cipher suites of TLS 1.2 in OpenSSL's notation (`ECDHE+AESGCM:!SHA`), or nil for OpenSSL's own. Default: nil.
    ///
    /// Suites without authentication or encryption are left out whatever the list says. A list of which OpenSSL knows no
    /// cipher is refused with `invalid_configuration`.
    public var cipherList: String?

    /// The cipher suites of TLS 1.3, separated by colons (`TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256`), or nil for
    /// OpenSSL's own. Default: nil.
    ///
    /// A suite that OpenSSL does not know is refused with `invalid_configuration`.
    public var cipherSuites: String?

    /// Whether a new connection resumes the TLS session of an earlier one to the same server, which saves a round trip (TLS
    /// 1.2) and the exchange of certificates. Default: true.
    ///
    /// Sessions are kept in memory, for connections with an equal configuration and to the same host and port only; one of
    /// TLS 1.3 is used once (RFC 8446 section C.4). One whose certificate has expired since is not used.
    public var resumesSessions: Bool

    /// Makes a configuration; set what else there is on the value.
    public init(
        trustRoots: TrustRoots = .systemDefault,
        certificateVerification: CertificateVerification = .full
    ) {
        self.trustRoots = trustRoots
        self.certificateVerification = certificateVerification
        self.pins = []
        self.minimumVersion = .tls12
        self.resumesSessions = true
    }
}

extension TLSConfiguration {
    /// Which certificate authorities are trusted.
    public struct TrustRoots: Sendable, Hashable {
        package enum Storage: Sendable, Hashable {
            case systemDefault
            case source(PEMSource)
        }

        package var storage: Storage

        /// The system's roots, as OpenSSL finds them; the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` are
        /// honoured, with the values that they have when they are first needed.
        ///
        /// An `SSL_CERT_FILE` that cannot be read is refused with `invalid_configuration`.
        public static let systemDefault = TrustRoots(storage: .systemDefault)

        /// The certificates in a PEM file, and no others.
        public static func file(_ path: String) -> TrustRoots { TrustRoots(storage: .source(.file(path))) }

        /// The certificates in PEM bytes, and no others.
        public static func pem(_ bytes: [UInt8]) -> TrustRoots { TrustRoots(storage: .source(.pem(bytes))) }
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

        /// Nothing but the ``TLSConfiguration/pins``: without pins, anyone in the path can read and change everything, and
        /// each connection logs a warning.
        public static let none = CertificateVerification(storage: .none)
    }

    /// A version of TLS.
    public struct Version: Sendable, Hashable, Comparable, CustomStringConvertible {
        private enum Storage: Int {
            case tls12
            case tls13
        }

        private var storage: Storage

        /// TLS 1.2, RFC 5246.
        public static let tls12 = Version(storage: .tls12)
        /// TLS 1.3, RFC 8446.
        public static let tls13 = Version(storage: .tls13)

        public static func < (left: Version, right: Version) -> Bool { left.storage.rawValue < right.storage.rawValue }

        public var description: String { self == .tls12 ? "TLS 1.2" : "TLS 1.3" }
    }

    /// Whether nothing ties a connection to its server, which is worth a warning.
    package var isUnauthenticated: Bool { self.certificateVerification == .none && self.pins.isEmpty }

    /// Refuses by name what cannot work, without a look at any file.
    package func validate() throws(WebSocketError) {
        if let serverName, TLSServerName(serverName) == nil {
            throw WebSocketError(
                .invalidConfiguration,
                "tls.serverName is \"\(serverName.printable)\"; it must be a DNS name of at most 253 bytes or an IP address"
            )
        }
        if let maximumVersion, maximumVersion < self.minimumVersion {
            throw WebSocketError(
                .invalidConfiguration,
                "tls.maximumVersion is \(maximumVersion), below tls.minimumVersion, \(self.minimumVersion)"
            )
        }
        for (name, list) in [("tls.cipherList", self.cipherList), ("tls.cipherSuites", self.cipherSuites)] {
            if let list, list.isEmpty || list.utf8.contains(0) {
                throw WebSocketError(.invalidConfiguration, "\(name) is \"\(list.printable)\"; it must name ciphers")
            }
        }
    }
}
