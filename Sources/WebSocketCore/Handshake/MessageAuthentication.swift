internal import COpenSSL

/// Message authentication codes, made by OpenSSL.
package enum MessageAuthentication {
    /// HMAC-SHA256 (RFC 2104 with FIPS 180-4), 32 bytes.
    package static func sha256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        var size: UInt32 = 0
        HMAC(EVP_sha256(), key, Int32(clamping: key.count), message, message.count, &code, &size)
        return code
    }
}
