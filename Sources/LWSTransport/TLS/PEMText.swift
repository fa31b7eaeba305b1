internal import COpenSSL
internal import Glibc
internal import WebSocketCore

/// An X.509 certificate, freed with its last reference.
///
/// `@unchecked Sendable` because it is not changed after it was made, and OpenSSL counts references atomically.
final class Certificate: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Takes over a reference.
    init(adopting pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit { X509_free(self.pointer) }
}

/// A private key, freed and overwritten with its last reference.
final class PrivateKey {
    let pointer: OpaquePointer

    fileprivate init(adopting pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit { EVP_PKEY_free(self.pointer) }
}

/// Text in PEM (RFC 7468), read by OpenSSL.
struct PEMText {
    let bytes: [UInt8]
    /// Where it comes from, for errors: the option's name, and the file's where there is one.
    let origin: String

    /// Every certificate in it, at least one.
    func certificates() throws(WebSocketError) -> [Certificate] {
        let certificates = try self.withBIO { (bio) throws(WebSocketError) in
            ERR_clear_error()
            var certificates: [Certificate] = []
            while let certificate = PEM_read_bio_X509_AUX(bio, nil, noPassphrase, nil) {
                certificates.append(Certificate(adopting: certificate))
            }
            try self.checkEnd(behind: certificates.count)
            return certificates
        }
        guard !certificates.isEmpty else { throw self.failure("it holds no certificate in PEM") }
        return certificates
    }

    /// Reading ends with "no start line", or at something that is broken.
    private func checkEnd(behind count: Int) throws(WebSocketError) {
        let code = ERR_peek_last_error()
        defer { ERR_clear_error() }
        if ERR_GET_LIB(code) == ERR_LIB_PEM, ERR_GET_REASON(code) == PEM_R_NO_START_LINE { return }
        throw self.failure("certificate \(count + 1) is broken: \(openSSLReason(code))")
    }

    /// The first private key in it.
    func privateKey(passphrase: String?) throws(WebSocketError) -> PrivateKey {
        try self.withBIO { (bio) throws(WebSocketError) in
            ERR_clear_error()
            defer { ERR_clear_error() }
            var request = PassphraseRequest(passphrase: passphrase.map { Array($0.utf8) })
            defer { request.wipe() }
            let key = withUnsafeMutablePointer(to: &request) {
                PEM_read_bio_PrivateKey(bio, nil, givePassphrase, $0)
            }
            if let key { return PrivateKey(adopting: key) }
            throw self.failure(request.explanation ?? "it holds no private key in PEM")
        }
    }

    private func failure(_ words: String) -> WebSocketError {
        WebSocketError(.invalidConfiguration, "\(self.origin): \(words)")
    }

    private func withBIO<Value>(
        _ body: (OpaquePointer) throws(WebSocketError) -> Value
    ) throws(WebSocketError) -> Value {
        guard self.bytes.count <= Int(Int32.max) else { throw self.failure("it is larger than 2 GiB") }
        // A typed throw through `withUnsafeBytes` crashes the compiler.
        let result: Result<Value, WebSocketError> = self.bytes.withUnsafeBytes { bytes in
            // The BIO reads from the array's memory: it must not outlive this closure.
            guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
                // OpenSSL makes none of no bytes, which an empty array may have.
                return .failure(self.failure("it is empty"))
            }
            defer { BIO_free_all(bio) }
            do throws(WebSocketError) {
                return .success(try body(bio))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

/// What the callback needs that OpenSSL asks for a passphrase, and what came of it.
private struct PassphraseRequest {
    var passphrase: [UInt8]?
    var wasAsked = false

    /// Why there is no key, as far as it is because of the passphrase.
    var explanation: String? {
        guard self.wasAsked else { return nil }
        return self.passphrase == nil
            ? "the key is encrypted, and there is no passphrase" : "the passphrase is wrong, or the key is broken"
    }

    mutating func wipe() {
        self.passphrase?.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
    }
}

/// OpenSSL's own callback would ask on the terminal.
private func givePassphrase(
    _ buffer: UnsafeMutablePointer<CChar>?,
    _ size: Int32,
    _ isForWriting: Int32,
    _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let buffer, let request = user?.assumingMemoryBound(to: PassphraseRequest.self) else { return -1 }
    request.pointee.wasAsked = true
    // One that is too long is wrong as well: cut, it would only be wrong in a way that is harder to find.
    guard let passphrase = request.pointee.passphrase, passphrase.count <= Int(size) else { return -1 }
    for (index, byte) in passphrase.enumerated() { buffer[index] = CChar(bitPattern: byte) }
    return Int32(passphrase.count)
}

/// For what should not be encrypted.
private func noPassphrase(
    _ buffer: UnsafeMutablePointer<CChar>?,
    _ size: Int32,
    _ isForWriting: Int32,
    _ user: UnsafeMutableRawPointer?
) -> Int32 { -1 }
