import COpenSSL
import Glibc
import WebSocketCore

/// A P-256 key and a certificate for it, made at run time and never written to a file.
///
/// `@unchecked Sendable` because neither is changed after they were made, and OpenSSL counts references atomically.
final class TestCertificate: @unchecked Sendable {
    /// What a certificate is for.
    enum Usage {
        case authority
        case server
        case client

        fileprivate var extensions: [(Int32, String)] {
            switch self {
            case .authority:
                [
                    (NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign,cRLSign"),
                    (NID_subject_key_identifier, "hash"),
                ]
            case .server, .client:
                [
                    (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
                    (NID_ext_key_usage, self == .server ? "serverAuth" : "clientAuth"),
                    (NID_subject_key_identifier, "hash"), (NID_authority_key_identifier, "keyid"),
                ]
            }
        }
    }

    let certificate: OpaquePointer
    let key: OpaquePointer

    /// - Parameters:
    ///   - name: the subject's common name.
    ///   - names: DNS names and IP addresses.
    ///   - days: from when to when it is valid, in days from now.
    ///   - issuer: who signs it; nil for itself.
    init(
        name: String,
        names: [String] = [],
        usage: Usage,
        days: Range<Int> = 0..<1,
        issuer: TestCertificate? = nil
    ) throws(TestServerError) {
        _ = OpenSSLLibrary.staysUntilTheEnd
        guard let key = Self.makeKey() else { throw Self.failure("key") }
        guard let certificate = Self.makeCertificate(name: name, key: key, days: days) else {
            EVP_PKEY_free(key)
            throw Self.failure("certificate")
        }
        self.certificate = certificate
        self.key = key
        var extensions = usage.extensions
        if !names.isEmpty {
            let list = names.map { Self.isAddress($0) ? "IP:\($0)" : "DNS:\($0)" }
            extensions.append((NID_subject_alt_name, list.joined(separator: ",")))
        }
        guard self.extend(extensions, issuer: issuer ?? self), self.sign(by: issuer ?? self) else {
            throw Self.failure("certificate for \(names)")
        }
    }

    deinit {
        X509_free(self.certificate)
        EVP_PKEY_free(self.key)
    }

    var certificatePEM: [UInt8] { Self.bytes { PEM_write_bio_X509($0, self.certificate) } }

    /// In PKCS #8, encrypted if there is a passphrase.
    func keyPEM(passphrase: String? = nil) -> [UInt8] {
        Self.bytes { bio in
            guard let passphrase else {
                return PEM_write_bio_PKCS8PrivateKey(bio, self.key, nil, nil, 0, nil, nil)
            }
            let count = Int32(passphrase.utf8.count)
            return PEM_write_bio_PKCS8PrivateKey(bio, self.key, EVP_aes_256_cbc(), passphrase, count, nil, nil)
        }
    }

    /// The SHA-256 digest of the SubjectPublicKeyInfo.
    var publicKeyDigest: [UInt8] {
        let der = Self.bytes { i2d_PUBKEY_bio($0, self.key) }
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        SHA256(der, der.count, &digest)
        return digest
    }

    private static func failure(_ what: String) -> TestServerError {
        defer { ERR_clear_error() }
        return TestServerError("OpenSSL made no \(what): error \(ERR_peek_error())")
    }

    private static func isAddress(_ text: String) -> Bool {
        var storage = in6_addr()
        return inet_pton(AF_INET, text, &storage) == 1 || inet_pton(AF_INET6, text, &storage) == 1
    }

    private static func makeKey() -> OpaquePointer? {
        guard let generator = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil) else { return nil }
        defer { EVP_PKEY_CTX_free(generator) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(generator) > 0,
            EVP_PKEY_CTX_set_ec_paramgen_curve_nid(generator, NID_X9_62_prime256v1) > 0,
            EVP_PKEY_keygen(generator, &key) > 0
        else { return nil }
        return key
    }

    private static func makeCertificate(name: String, key: OpaquePointer, days: Range<Int>) -> OpaquePointer? {
        guard let certificate = X509_new() else { return nil }
        var serial: UInt64 = 0
        withUnsafeMutableBytes(of: &serial) { _ = RAND_bytes($0.baseAddress, Int32($0.count)) }
        let subject = X509_get_subject_name(certificate)
        // An hour earlier, for clocks that differ.
        guard X509_set_version(certificate, 2) == 1,
            // Positive, and not the same twice: clients may remember the serial numbers of an issuer.
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1,
            X509_gmtime_adj(X509_getm_notBefore(certificate), days.lowerBound * 86_400 - 3_600) != nil,
            X509_gmtime_adj(X509_getm_notAfter(certificate), days.upperBound * 86_400 - 3_600) != nil,
            X509_set_pubkey(certificate, key) == 1,
            X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1
        else {
            X509_free(certificate)
            return nil
        }
        return certificate
    }

    private func extend(_ extensions: [(Int32, String)], issuer: TestCertificate) -> Bool {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer.certificate, self.certificate, nil, nil, 0)
        return extensions.allSatisfy { nid, value in
            guard let made = X509V3_EXT_conf_nid(nil, &context, nid, value) else { return false }
            defer { X509_EXTENSION_free(made) }
            return X509_add_ext(self.certificate, made, -1) == 1
        }
    }

    private func sign(by issuer: TestCertificate) -> Bool {
        X509_set_issuer_name(self.certificate, X509_get_subject_name(issuer.certificate)) == 1
            && X509_sign(self.certificate, issuer.key, EVP_sha256()) > 0
    }

    private static func bytes(_ write: (OpaquePointer) -> Int32) -> [UInt8] {
        guard let bio = BIO_new(BIO_s_mem()) else { return [] }
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(BIO_ctrl_pending(bio)))
        let count = BIO_read(bio, &bytes, Int32(bytes.count))
        return count == bytes.count ? bytes : []
    }
}
