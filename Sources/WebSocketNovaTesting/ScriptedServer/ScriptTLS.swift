import COpenSSL

/// The server's end of TLS over memory: what the socket brings is put in, what the socket has to carry is taken out.
struct ScriptTLS: ~Copyable {
    private let context: OpaquePointer
    private let session: OpaquePointer
    // Both belong to the session.
    private let inbound: OpaquePointer
    private let outbound: OpaquePointer

    init(_ identity: ScriptedServer.Identity) throws(ScriptSocket.Interruption) {
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw Self.failure("context") }
        guard identity.server.use(in: context), let session = SSL_new(context) else {
            SSL_CTX_free(context)
            throw Self.failure("session")
        }
        guard let inbound = BIO_new(BIO_s_mem()), let outbound = BIO_new(BIO_s_mem()) else {
            SSL_free(session)
            SSL_CTX_free(context)
            throw Self.failure("buffer")
        }
        SSL_set_bio(session, inbound, outbound)
        SSL_set_accept_state(session)
        self.context = context
        self.session = session
        self.inbound = inbound
        self.outbound = outbound
    }

    deinit {
        SSL_free(self.session)
        SSL_CTX_free(self.context)
    }

    private static func failure(_ what: String) -> ScriptSocket.Interruption {
        .tls("OpenSSL made no \(what): error \(ERR_get_error())")
    }

    /// What the client has sent.
    func put(_ bytes: [UInt8]) {
        BIO_write(self.inbound, bytes, Int32(bytes.count))
    }

    /// What is to go to the client.
    func takeOutput() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(self.outbound))
        if !bytes.isEmpty { BIO_read(self.outbound, &bytes, Int32(bytes.count)) }
        return bytes
    }

    /// Goes on with the handshake as far as the bytes allow.
    ///
    /// - Returns: whether it is complete.
    func shakeHands() throws(ScriptSocket.Interruption) -> Bool {
        ERR_clear_error()
        let result = SSL_accept(self.session)
        if result == 1 { return true }
        let error = SSL_get_error(self.session, result)
        guard error == SSL_ERROR_WANT_READ else { throw .tls("the TLS handshake failed: \(Self.errorText())") }
        return false
    }

    /// The records that carry these bytes.
    func encrypt(_ bytes: ArraySlice<UInt8>) throws(ScriptSocket.Interruption) -> [UInt8] {
        guard !bytes.isEmpty else { return [] }
        let count = bytes.withUnsafeBytes { SSL_write(self.session, $0.baseAddress, Int32($0.count)) }
        guard count == bytes.count else { throw .tls("cannot encrypt: \(Self.errorText())") }
        return self.takeOutput()
    }

    /// Appends what the client's records hold.
    ///
    /// - Returns: whether the client has said that it sends no more (close_notify).
    func decrypt(into bytes: inout [UInt8]) throws(ScriptSocket.Interruption) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            ERR_clear_error()
            let count = SSL_read(self.session, &chunk, Int32(chunk.count))
            if count > 0 {
                bytes += chunk.prefix(Int(count))
                continue
            }
            switch SSL_get_error(self.session, count) {
            case SSL_ERROR_WANT_READ: return false
            case SSL_ERROR_ZERO_RETURN: return true
            default: throw .tls("cannot decrypt: \(Self.errorText())")
            }
        }
    }

    /// The alert that ends the stream in order.
    func closeNotify() -> [UInt8] {
        SSL_shutdown(self.session)
        return self.takeOutput()
    }

    private static func errorText() -> String {
        guard let words = ERR_reason_error_string(ERR_get_error()) else { return "no reason given" }
        return String(cString: words)
    }
}
