internal import COpenSSL
internal import WebSocketCore

/// An OpenSSL context for the client side of TLS, made by us and handed to lws: the way to set the trust store and the
/// minimum version, and to keep lws from trusting a directory relative to the working directory (openssl-client.c:735).
final class TLSContext {
    let pointer: OpaquePointer

    /// - Parameter verifiedAddress: an IPv6 address that the server's certificate must name. lws cuts the host at its first
    ///   colon and then verifies nothing (openssl-client.c:169), so that the check is put into the context instead.
    init(_ configuration: TLSConfiguration, verifiedAddress: String?) throws(WebSocketError) {
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw WebSocketError(.resourceExhausted, "no TLS context: \(openSSLErrors())")
        }
        self.pointer = context
        // RFC 8996 deprecates all below 1.2.
        _ = nova_SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION)
        // About 34 KB less for each idle connection (OpenSSL's manual page of SSL_CTX_set_mode).
        _ = nova_SSL_CTX_set_mode(context, Int(SSL_MODE_RELEASE_BUFFERS))
        try Self.trust(configuration.trustRoots, in: context)
        if configuration.certificateVerification.storage == .none {
            SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
        } else if let verifiedAddress {
            guard X509_VERIFY_PARAM_set1_ip_asc(SSL_CTX_get0_param(context), verifiedAddress) == 1 else {
                throw WebSocketError(.invalidURL, "\"\(verifiedAddress)\" is no IPv6 address")
            }
        }
    }

    deinit { SSL_CTX_free(self.pointer) }

    private static func trust(
        _ roots: TLSConfiguration.TrustRoots,
        in context: OpaquePointer
    ) throws(WebSocketError) {
        switch roots.storage {
        case .systemDefault:
            guard SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw WebSocketError(.invalidConfiguration, "the system's trust roots: \(openSSLErrors())")
            }
        case .file(let path):
            guard SSL_CTX_load_verify_locations(context, path, nil) == 1 else {
                throw WebSocketError(.invalidConfiguration, "trust roots file \"\(path)\": \(openSSLErrors())")
            }
        case .pem(let bytes):
            try Self.trust(pem: bytes, in: context)
        }
    }

    private static func trust(pem bytes: [UInt8], in context: OpaquePointer) throws(WebSocketError) {
        let store = SSL_CTX_get_cert_store(context)
        let count = bytes.withUnsafeBytes { bytes in
            // The BIO reads from the array's memory: it must not outlive this closure.
            guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else { return 0 }
            defer { BIO_free_all(bio) }
            var count = 0
            while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) {
                defer { X509_free(certificate) }
                if X509_STORE_add_cert(store, certificate) == 1 { count += 1 }
            }
            return count
        }
        // The reading ends with "no start line", which is no error here.
        ERR_clear_error()
        guard count > 0 else {
            throw WebSocketError(.invalidConfiguration, "the trust roots hold no PEM certificate")
        }
    }
}

/// OpenSSL's words for what went wrong on this thread; empties its queue of errors.
func openSSLErrors() -> String {
    var texts: [String] = []
    while true {
        let code = ERR_get_error()
        if code == 0 { break }
        texts.append(
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
                ERR_error_string_n(code, buffer.baseAddress, buffer.count)
                return buffer.baseAddress.map { String(cString: $0) } ?? ""
            }
        )
    }
    return texts.isEmpty ? "unknown reason" : texts.joined(separator: "; ")
}
