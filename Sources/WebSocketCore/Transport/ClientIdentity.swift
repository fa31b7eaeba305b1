extension TLSConfiguration {
    /// A certificate with its private key, to prove to a server who this client is (RFC 8446 section 4.4.2).
    public struct ClientIdentity: Sendable, Hashable {
        /// The certificate, and behind it the intermediates that lead to an authority which the server trusts.
        public var certificateChain: PEMSource
        /// The private key of the first certificate.
        public var privateKey: PEMSource
        /// What the private key is encrypted with; nil for a key in the clear. It is never asked for on a terminal.
        public var passphrase: String?

        /// Makes an identity. Whether key and certificate fit is checked when a connection is opened.
        public init(certificateChain: PEMSource, privateKey: PEMSource, passphrase: String? = nil) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
            self.passphrase = passphrase
        }
    }
}

extension TLSConfiguration.ClientIdentity: CustomStringConvertible, CustomReflectable {
    /// Where certificate and key come from; neither the key nor the passphrase.
    public var description: String { "certificate chain: \(self.certificateChain), private key: \(self.privateKey)" }

    /// Without the passphrase.
    public var customMirror: Mirror {
        Mirror(self, children: ["certificateChain": self.certificateChain, "privateKey": self.privateKey])
    }
}
