import COpenSSL
import Glibc

/// A certificate authority and a server certificate signed by it, made at run time and never written to a file.
struct TestCertificate {
    /// The authority, for a client's trust roots.
    var authorityPEM: [UInt8]
    /// The server's certificate for `localhost`, `127.0.0.1` and `::1`.
    var leafDER: [UInt8]
    /// The server's private key (SEC 1, as lws hands it to `SSL_CTX_use_PrivateKey_ASN1`).
    var keyDER: [UInt8]

    /// Makes two P-256 keys and two certificates, valid from an hour ago for a day.
    static func make() throws(TestServerError) -> TestCertificate {
        guard let authorityKey = Self.makeKey(), let leafKey = Self.makeKey() else { throw Self.failure("key") }
        defer {
            EVP_PKEY_free(authorityKey)
            EVP_PKEY_free(leafKey)
        }
        guard let authority = Self.makeCertificate(name: "WebSocketNova test authority", key: authorityKey) else {
            throw Self.failure("certificate")
        }
        defer { X509_free(authority) }
        guard let leaf = Self.makeCertificate(name: "localhost", key: leafKey) else {
            throw Self.failure("certificate")
        }
        defer { X509_free(leaf) }
        let isSigned =
            Self.extend(
                authority,
                issuer: authority,
                [
                    (NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign,cRLSign"),
                    (NID_subject_key_identifier, "hash"),
                ]
            ) && Self.sign(authority, issuer: authority, key: authorityKey)
            && Self.extend(
                leaf,
                issuer: authority,
                [
                    (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
                    (NID_ext_key_usage, "serverAuth"), (NID_subject_key_identifier, "hash"),
                    (NID_authority_key_identifier, "keyid"),
                    (NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1"),
                ]
            ) && Self.sign(leaf, issuer: authority, key: authorityKey)
        guard isSigned else { throw Self.failure("signature") }
        return TestCertificate(
            authorityPEM: Self.bytes { PEM_write_bio_X509($0, authority) },
            leafDER: Self.bytes { i2d_X509_bio($0, leaf) },
            keyDER: Self.bytes { i2d_PrivateKey_bio($0, leafKey) }
        )
    }

    private static func failure(_ what: String) -> TestServerError {
        TestServerError("OpenSSL made no \(what): error \(ERR_get_error())")
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

    private static func makeCertificate(name: String, key: OpaquePointer) -> OpaquePointer? {
        guard let certificate = X509_new() else { return nil }
        var serial: UInt64 = 0
        withUnsafeMutableBytes(of: &serial) { _ = RAND_bytes($0.baseAddress, Int32($0.count)) }
        let subject = X509_get_subject_name(certificate)
        guard X509_set_version(certificate, 2) == 1,
            // Positive, and not the same twice: clients may remember the serial numbers of an issuer.
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1,
            X509_gmtime_adj(X509_getm_notBefore(certificate), -3_600) != nil,
            X509_gmtime_adj(X509_getm_notAfter(certificate), 86_400) != nil,
            X509_set_pubkey(certificate, key) == 1,
            X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1
        else {
            X509_free(certificate)
            return nil
        }
        return certificate
    }

    private static func extend(_ certificate: OpaquePointer, issuer: OpaquePointer, _ values: [(Int32, String)]) -> Bool
    {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer, certificate, nil, nil, 0)
        return values.allSatisfy { nid, value in
            guard let made = X509V3_EXT_conf_nid(nil, &context, nid, value) else { return false }
            defer { X509_EXTENSION_free(made) }
            return X509_add_ext(certificate, made, -1) == 1
        }
    }

    private static func sign(_ certificate: OpaquePointer, issuer: OpaquePointer, key: OpaquePointer) -> Bool {
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1
            && X509_sign(certificate, key, EVP_sha256()) > 0
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
