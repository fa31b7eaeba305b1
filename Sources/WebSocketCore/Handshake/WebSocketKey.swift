import COpenSSL

/// The nonce of an upgrade request, and the answer that proves that the server has read it (RFC 6455 sections 1.3 and 4.1).
package struct WebSocketKey: Hashable, Sendable {
    /// What goes into `Sec-WebSocket-Key`: 16 bytes in base64.
    package let value: String

    /// A new random key, from OpenSSL's generator.
    package static func random() throws(WebSocketError) -> WebSocketKey {
        _ = OpenSSLLibrary.staysUntilTheEnd
        var nonce = [UInt8](repeating: 0, count: 16)
        guard RAND_bytes(&nonce, Int32(nonce.count)) == 1 else {
            throw WebSocketError(.resourceExhausted, "OpenSSL has no random bytes for Sec-WebSocket-Key")
        }
        return WebSocketKey(nonce: nonce)
    }

    /// A key of known bytes; RFC 6455 asks for 16.
    package init(nonce: [UInt8]) {
        self.value = Base64.encode(nonce)
    }

    /// A key as a server reads it from the request.
    package init(value: String) {
        self.value = value
    }

    /// What `Sec-WebSocket-Accept` must hold.
    package var accept: String {
        let text = Array((self.value + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: Int(SHA_DIGEST_LENGTH))
        SHA1(text, text.count, &digest)
        return Base64.encode(digest)
    }
}
