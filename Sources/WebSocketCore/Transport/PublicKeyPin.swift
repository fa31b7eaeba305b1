internal import COpenSSL

/// The SHA-256 digest of a certificate's public key (its SubjectPublicKeyInfo, as in RFC 7469 section 2.4), which stays the
/// same when a certificate is renewed for the same key.
///
/// This prints the pin of a server:
/// ```sh
/// openssl s_client -connect example.com:443 </dev/null | openssl x509 -pubkey -noout |
///     openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64
/// ```
/// The error of a connection that fails on its pins names those that the server has shown.
public struct PublicKeyPin: Sendable, Hashable {
    /// The 32 bytes of the digest.
    public let sha256: [UInt8]

    /// Makes a pin from the digest.
    ///
    /// - Throws: ``WebSocketError`` with `invalid_configuration` unless there are 32 bytes.
    public init(sha256: [UInt8]) throws(WebSocketError) {
        guard sha256.count == Int(SHA256_DIGEST_LENGTH) else {
            throw WebSocketError(.invalidConfiguration, "a pin of \(sha256.count) bytes; a SHA-256 digest has 32")
        }
        self.sha256 = sha256
    }

    /// Makes a pin from the digest in base64, with or without `sha256/` in front.
    ///
    /// - Throws: ``WebSocketError`` with `invalid_configuration` unless that are 32 bytes.
    public init(_ text: String) throws(WebSocketError) {
        let prefix = "sha256/"
        let base64 = text.hasPrefix(prefix) ? text.dropFirst(prefix.count) : text[...]
        guard let digest = Self.decode(Array(base64.utf8)) else {
            throw WebSocketError(
                .invalidConfiguration,
                "the pin \"\(text.printable)\" is not a SHA-256 digest in base64, \"sha256/\" and 44 characters"
            )
        }
        self.sha256 = digest
    }

    /// The pin of a public key, given as the DER of its SubjectPublicKeyInfo.
    package init(subjectPublicKeyInfo bytes: [UInt8]) {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        SHA256(bytes, bytes.count, &digest)
        self.sha256 = digest
    }

    /// 32 bytes are 44 characters, of which the last is padding.
    private static func decode(_ base64: [UInt8]) -> [UInt8]? {
        guard base64.count == 44, base64.last == UInt8(ascii: "="), base64[42] != UInt8(ascii: "=") else { return nil }
        var bytes = [UInt8](repeating: 0, count: 33)
        // Counts the padding as a byte.
        guard EVP_DecodeBlock(&bytes, base64, Int32(base64.count)) == 33 else { return nil }
        return Array(bytes.prefix(32))
    }
}

extension PublicKeyPin: CustomStringConvertible {
    /// `sha256/` and the digest in base64.
    public var description: String {
        // EVP_EncodeBlock writes a NUL behind the text.
        var text = [UInt8](repeating: 0, count: 45)
        let count = EVP_EncodeBlock(&text, self.sha256, Int32(self.sha256.count))
        return "sha256/" + String(decoding: text.prefix(Int(count)), as: UTF8.self)
    }
}
