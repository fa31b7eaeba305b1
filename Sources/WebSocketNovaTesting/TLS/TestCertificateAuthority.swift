public import WebSocketCore

/// A certificate authority for tests: its certificates are made in memory, and trusted by nobody who is not told to.
///
/// ```swift
/// let authority = try TestCertificateAuthority()
/// var server = EchoServer.Configuration(isTLS: true)
/// server.tls.authority = authority
/// var client = WebSocketConfiguration()
/// client.tls.trustRoots = .pem(authority.certificatePEM)
/// ```
public final class TestCertificateAuthority: Sendable {
    let root: TestCertificate

    /// Makes an authority with a key of its own.
    ///
    /// - Throws: ``TestServerError`` if OpenSSL cannot.
    public init() throws(TestServerError) {
        self.root = try TestCertificate(name: "WebSocketNova test authority", usage: .authority)
    }

    /// The authority's certificate, for trust roots.
    public var certificatePEM: [UInt8] { self.root.certificatePEM }

    /// The pin of the authority's public key.
    public var pin: PublicKeyPin? { try? PublicKeyPin(sha256: self.root.publicKeyDigest) }

    /// Makes a client's certificate and key.
    ///
    /// - Parameters:
    ///   - name: the subject's common name.
    ///   - passphrase: what the key is encrypted with, or nil.
    ///   - hasIntermediate: whether an intermediate, which is in the chain, stands between the authority and the certificate.
    /// - Throws: ``TestServerError`` if OpenSSL cannot.
    public func makeClientIdentity(
        name: String = "client",
        passphrase: String? = nil,
        hasIntermediate: Bool = false
    ) throws(TestServerError) -> TLSConfiguration.ClientIdentity {
        var intermediate: TestCertificate?
        if hasIntermediate { intermediate = try self.makeIntermediate() }
        let issued = try TestCertificate(name: name, usage: .client, issuer: intermediate ?? self.root)
        return TLSConfiguration.ClientIdentity(
            certificateChain: .pem(issued.certificatePEM + (intermediate?.certificatePEM ?? [])),
            privateKey: .pem(issued.keyPEM(passphrase: passphrase)),
            passphrase: passphrase
        )
    }

    func makeIntermediate() throws(TestServerError) -> TestCertificate {
        try TestCertificate(name: "WebSocketNova test intermediate", usage: .authority, issuer: self.root)
    }
}
