import COpenSSL
import WebSocketCore

/// The certificates of one TLS server, and how they get into its OpenSSL context.
final class TestServerIdentity: Sendable {
    let authority: TestCertificateAuthority
    let leaf: TestCertificate
    private let intermediate: TestCertificate?
    private let tls: EchoServer.TLS

    init(_ tls: EchoServer.TLS) throws(TestServerError) {
        let authority: TestCertificateAuthority
        if let given = tls.authority { authority = given } else { authority = try TestCertificateAuthority() }
        var intermediate: TestCertificate?
        if tls.hasIntermediate { intermediate = try authority.makeIntermediate() }
        let days =
            switch tls.validity {
            case .current: 0..<1
            case .expired: -2 ..< -1
            case .notYet: 1..<2
            }
        self.leaf = try TestCertificate(
            name: "localhost",
            names: tls.names,
            usage: .server,
            days: days,
            issuer: tls.isSelfSigned ? nil : intermediate ?? authority.root
        )
        self.authority = authority
        self.intermediate = intermediate
        self.tls = tls
    }

    /// Sets a server's context up; false if OpenSSL does not take something.
    func use(in context: OpaquePointer) -> Bool {
        guard SSL_CTX_use_certificate(context, self.leaf.certificate) == 1,
            SSL_CTX_use_PrivateKey(context, self.leaf.key) == 1,
            self.intermediate.map({ nova_SSL_CTX_add1_chain_cert(context, $0.certificate) == 1 }) ?? true,
            nova_SSL_CTX_set_min_proto_version(context, Self.number(of: self.tls.minimumVersion)) == 1,
            nova_SSL_CTX_set_max_proto_version(context, Self.number(of: self.tls.maximumVersion)) == 1,
            self.tls.cipherList.map({ SSL_CTX_set_cipher_list(context, $0) == 1 }) ?? true
        else { return false }
        // OpenSSL refuses to resume a session with a client's certificate in a context without a name.
        SSL_CTX_set_session_id_context(context, Array("nova".utf8), 4)
        guard self.tls.demandsClientCertificate else { return true }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        let root = self.authority.root.certificate
        return X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root) == 1
            && SSL_CTX_add_client_CA(context, root) == 1
    }

    private static func number(of version: TLSConfiguration.Version) -> Int32 {
        version == .tls12 ? TLS1_2_VERSION : TLS1_3_VERSION
    }

    /// What a server's connection is, as text: `version=… cipher=… resumed=… name=… client=…`.
    static func describe(_ ssl: OpaquePointer) -> String {
        func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }
        var client = ""
        if let certificate = SSL_get1_peer_certificate(ssl) {
            var name = [CChar](repeating: 0, count: 256)
            X509_NAME_oneline(X509_get_subject_name(certificate), &name, Int32(name.count))
            client = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            X509_free(certificate)
        }
        return [
            "version=\(text(SSL_get_version(ssl)))",
            "cipher=\(text(SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))))",
            "resumed=\(SSL_session_reused(ssl) == 1)",
            "name=\(text(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)))",
            "client=\(client)",
        ].joined(separator: " ")
    }
}
