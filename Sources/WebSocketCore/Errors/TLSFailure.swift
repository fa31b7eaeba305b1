/// What went wrong in TLS, for programs; the words for people are in ``WebSocketError/message``.
public struct TLSFailure: Sendable, Hashable {
    /// A short name of what went wrong. The set is open: switch with a default.
    public struct Reason: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// A short name out of a bounded set, fit to be a metric's label.
        public var rawValue: String

        /// Wraps a name; prefer the static members.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        public var description: String { self.rawValue }

        // The server's certificate.

        /// A certificate of the chain is past its dates.
        public static let expired = Reason(rawValue: "expired")
        /// A certificate of the chain is not valid yet; or the clock of this machine is slow.
        public static let notYetValid = Reason(rawValue: "not_yet_valid")
        /// The certificate does not name the host; ``TLSFailure/certificateNames`` holds those that it names.
        public static let nameMismatch = Reason(rawValue: "name_mismatch")
        /// The chain leads to no authority that is trusted.
        public static let unknownIssuer = Reason(rawValue: "unknown_issuer")
        /// The certificate is its own authority, and not a trusted one.
        public static let selfSigned = Reason(rawValue: "self_signed")
        /// A certificate of the chain was revoked.
        public static let revoked = Reason(rawValue: "revoked")
        /// The certificate or its chain is wrong in another way: a bad signature, a weak key, a wrong purpose.
        public static let badCertificate = Reason(rawValue: "bad_certificate")
        /// The server has shown none of the public keys that are pinned.
        public static let pinMismatch = Reason(rawValue: "pin_mismatch")

        // The handshake.

        /// The two sides have no version of TLS in common.
        public static let protocolVersion = Reason(rawValue: "protocol_version")
        /// The server refused the handshake: no cipher in common, or a client certificate that it misses.
        public static let handshakeRefused = Reason(rawValue: "handshake_refused")
        /// The server has no certificate for this name.
        public static let unrecognizedName = Reason(rawValue: "unrecognized_name")
        /// The server wants a client certificate, or another one.
        public static let clientCertificateRefused = Reason(rawValue: "client_certificate_refused")
        /// What answered does not speak TLS.
        public static let notTLS = Reason(rawValue: "not_tls")
        /// The server ended the connection within the handshake. Another attempt may succeed.
        public static let peerClosed = Reason(rawValue: "peer_closed")
        /// Something else; the message has OpenSSL's words.
        public static let other = Reason(rawValue: "other")
    }

    /// What went wrong.
    public var reason: Reason
    /// The alert that the server has sent, if one has come (RFC 8446 section 6).
    public var alert: UInt8?
    /// The names and addresses that the server's certificate is for, when they do not include the host; at most 20.
    public var certificateNames: [String]

    /// Makes a record of a failure.
    public init(reason: Reason, alert: UInt8? = nil, certificateNames: [String] = []) {
        self.reason = reason
        self.alert = alert
        self.certificateNames = certificateNames
    }
}
