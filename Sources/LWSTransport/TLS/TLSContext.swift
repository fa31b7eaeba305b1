internal import COpenSSL
internal import WebSocketCore

/// An OpenSSL context for the client side of TLS, made by us and handed to lws, which with settings of its own trusts a
/// directory relative to the working directory (openssl-client.c:735), cuts names, and does not say what went wrong.
///
/// What a context holds is the same for every connection of a configuration; what differs, a ``TLSHandshake`` puts into each.
///
/// `@unchecked Sendable` because it is not changed once it was made: threads may make connections from one OpenSSL context at
/// the same time.
final class TLSContext: @unchecked Sendable {
    let pointer: OpaquePointer
    let configuration: TLSConfiguration
    /// Nil if nothing is verified.
    let trustStore: TrustStore?
    let sessions: TLSSessions
    private let stamps: [FileStamp]

    /// Reads files and parses certificates: not for the loop. See ``TLSContexts``.
    init(_ configuration: TLSConfiguration) throws(WebSocketError) {
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw WebSocketError(.resourceExhausted, "no TLS context: \(openSSLErrors())")
        }
        var stamps: [FileStamp] = []
        do throws(WebSocketError) {
            self.trustStore = try Self.setUp(context, configuration, stamps: &stamps)
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        self.pointer = context
        self.configuration = configuration
        self.sessions = TLSSessions()
        self.stamps = stamps
    }

    deinit { SSL_CTX_free(self.pointer) }

    /// Whether the files that it was made from are still the same. It asks the file system, which may block.
    var isCurrent: Bool { self.trustStore?.isCurrent ?? true && self.stamps.allSatisfy { $0.isCurrent } }

    /// Whether ``isCurrent`` has no file to look at.
    static func needsNoFile(_ configuration: TLSConfiguration) -> Bool {
        if let identity = configuration.clientIdentity {
            guard identity.certificateChain.path == nil, identity.privateKey.path == nil else { return false }
        }
        guard configuration.certificateVerification == .full else { return true }
        guard case .source(let source) = configuration.trustRoots.storage else { return false }
        return source.path == nil
    }

    private static func setUp(
        _ context: OpaquePointer,
        _ configuration: TLSConfiguration,
        stamps: inout [FileStamp]
    ) throws(WebSocketError) -> TrustStore? {
        try Self.setVersions(of: context, configuration)
        try Self.setCiphers(of: context, configuration)
        // About 34 KB less for each idle connection (OpenSSL's manual page of SSL_CTX_set_mode).
        _ = nova_SSL_CTX_set_mode(context, Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN))
        // A server of TLS 1.2 could otherwise have the handshake begin anew, as often as it likes.
        SSL_CTX_set_options(context, nova_SSL_OP_NO_RENEGOTIATION)
        TLSHandshake.install(in: context)
        if configuration.resumesSessions {
            TLSSessions.install(in: context)
        } else {
            _ = nova_SSL_CTX_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
        }
        if let identity = configuration.clientIdentity { try identity.use(in: context, stamps: &stamps) }
        guard configuration.certificateVerification == .full else { return nil }
        return try Self.trust(configuration.trustRoots, in: context)
    }

    private static func trust(
        _ roots: TLSConfiguration.TrustRoots,
        in context: OpaquePointer
    ) throws(WebSocketError) -> TrustStore {
        let store = try TrustStore.of(roots)
        SSL_CTX_set1_cert_store(context, store.pointer)
        // Who names a certificate trusts it, also an intermediate's without its root.
        if roots != .systemDefault {
            X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), UInt(X509_V_FLAG_PARTIAL_CHAIN))
        }
        return store
    }

    private static func setVersions(
        of context: OpaquePointer,
        _ configuration: TLSConfiguration
    ) throws(WebSocketError) {
        // The administrator may have asked for more in openssl.cnf.
        let minimum = max(configuration.minimumVersion.number, Int32(nova_SSL_CTX_get_min_proto_version(context)))
        let maximum = configuration.maximumVersion?.number ?? 0
        guard nova_SSL_CTX_set_min_proto_version(context, minimum) == 1,
            maximum == 0 || minimum <= maximum && nova_SSL_CTX_set_max_proto_version(context, maximum) == 1
        else {
            ERR_clear_error()
            throw WebSocketError(
                .invalidConfiguration,
                "tls.minimumVersion, \(configuration.minimumVersion), and tls.maximumVersion, "
                    + "\(configuration.maximumVersion?.description ?? "any"), leave none that OpenSSL may use"
            )
        }
    }

    private static func setCiphers(
        of context: OpaquePointer,
        _ configuration: TLSConfiguration
    ) throws(WebSocketError) {
        ERR_clear_error()
        defer { ERR_clear_error() }
        if let list = configuration.cipherList {
            // Without authentication there is no certificate, and nothing of what verifies it would be asked.
            guard SSL_CTX_set_cipher_list(context, list + ":!aNULL:!eNULL") == 1 else {
                throw WebSocketError(
                    .invalidConfiguration,
                    "tls.cipherList is \"\(list.printable)\", of which OpenSSL knows no cipher of TLS 1.2"
                )
            }
        }
        guard let suites = configuration.cipherSuites else { return }
        // OpenSSL may skip one that it does not know.
        let isKnown = suites.split(separator: ":", omittingEmptySubsequences: false).allSatisfy { suite in
            SSL_CTX_set_ciphersuites(context, String(suite)) == 1
        }
        guard isKnown, SSL_CTX_set_ciphersuites(context, suites) == 1 else {
            throw WebSocketError(
                .invalidConfiguration,
                "tls.cipherSuites is \"\(suites.printable)\", of which OpenSSL knows not every one"
            )
        }
    }
}

extension TLSConfiguration.Version {
    /// The number in the protocol.
    fileprivate var number: Int32 { self == .tls12 ? TLS1_2_VERSION : TLS1_3_VERSION }
}

extension TLSConfiguration.ClientIdentity {
    /// Puts certificate, intermediates and key into a context.
    fileprivate func use(in context: OpaquePointer, stamps: inout [FileStamp]) throws(WebSocketError) {
        let chainOption = "tls.clientIdentity.certificateChain"
        let keyOption = "tls.clientIdentity.privateKey"
        let chain = try self.certificateChain.withBytes(option: chainOption, stamps: &stamps) {
            (bytes) throws(WebSocketError) in
            try PEMText(bytes: bytes, origin: "\(chainOption), \(self.certificateChain)").certificates()
        }
        let key = try self.privateKey.withBytes(option: keyOption, stamps: &stamps) {
            (bytes) throws(WebSocketError) in
            try PEMText(bytes: bytes, origin: "\(keyOption), \(self.privateKey)").privateKey(
                passphrase: self.passphrase
            )
        }
        for (index, certificate) in chain.enumerated() {
            let isTaken =
                index == 0
                ? SSL_CTX_use_certificate(context, certificate.pointer) == 1
                : nova_SSL_CTX_add1_chain_cert(context, certificate.pointer) == 1
            guard isTaken else {
                throw WebSocketError(
                    .invalidConfiguration,
                    "\(chainOption), certificate \(index + 1): \(openSSLErrors())"
                )
            }
        }
        guard SSL_CTX_use_PrivateKey(context, key.pointer) == 1, SSL_CTX_check_private_key(context) == 1 else {
            ERR_clear_error()
            throw WebSocketError(
                .invalidConfiguration,
                "\(keyOption), \(self.privateKey): the key is not that of the first certificate of \(chainOption)"
            )
        }
    }
}
