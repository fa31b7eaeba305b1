internal import COpenSSL
internal import Glibc
internal import WebSocketCore

// What errors say of a certificate. All of it was written by whoever made the certificate: nothing is taken for printable.
extension Certificate {
    /// The most names that are listed; a certificate may hold thousands.
    private static let maximumNames = 20

    /// A certificate that belongs to somebody else, kept alive.
    convenience init?(retaining pointer: OpaquePointer?) {
        guard let pointer, X509_up_ref(pointer) == 1 else { return nil }
        self.init(adopting: pointer)
    }

    /// Whom it is for, in the notation of RFC 2253.
    var subject: String { Self.text(of: X509_get_subject_name(self.pointer)) }

    /// Who has signed it.
    var issuer: String { Self.text(of: X509_get_issuer_name(self.pointer)) }

    var notBefore: String { Self.text(ofTime: X509_get0_notBefore(self.pointer)) }

    var notAfter: String { Self.text(ofTime: X509_get0_notAfter(self.pointer)) }

    var isExpired: Bool { X509_cmp_current_time(X509_get0_notAfter(self.pointer)) < 0 }

    /// The digest of its public key.
    var pin: PublicKeyPin? {
        guard let key = X509_get_X509_PUBKEY(self.pointer) else { return nil }
        var der: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_PUBKEY(key, &der)
        guard count > 0, let der else { return nil }
        defer { CRYPTO_free(der, nil, 0) }
        return PublicKeyPin(subjectPublicKeyInfo: Array(UnsafeBufferPointer(start: der, count: Int(count))))
    }

    /// The DNS names and addresses that it is for (RFC 5280 section 4.2.1.6), as many as are listed at most.
    var names: [String] {
        guard let names = X509_get_ext_d2i(self.pointer, NID_subject_alt_name, nil, nil) else { return [] }
        defer { GENERAL_NAMES_free(OpaquePointer(names)) }
        let stack = OpaquePointer(names)
        var texts: [String] = []
        for index in 0..<max(0, OPENSSL_sk_num(stack)) where texts.count < Self.maximumNames {
            guard let name = OPENSSL_sk_value(stack, index)?.assumingMemoryBound(to: GENERAL_NAME.self) else {
                continue
            }
            if let text = Self.text(of: name.pointee) { texts.append(text) }
        }
        return texts
    }

    private static func text(of name: GENERAL_NAME) -> String? {
        switch name.type {
        case GEN_DNS:
            return String(decoding: Self.bytes(of: name.d.dNSName), as: UTF8.self).printable
        case GEN_IPADD:
            return Self.address(Self.bytes(of: name.d.iPAddress))
        default:
            return nil
        }
    }

    private static func bytes(of string: UnsafeMutablePointer<ASN1_STRING>?) -> [UInt8] {
        guard let string, let data = ASN1_STRING_get0_data(string) else { return [] }
        return Array(UnsafeBufferPointer(start: data, count: Int(max(0, ASN1_STRING_length(string)))))
    }

    private static func address(_ bytes: [UInt8]) -> String? {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            let family = bytes.count == 4 ? AF_INET : AF_INET6
            return inet_ntop(family, bytes, buffer.baseAddress, socklen_t(buffer.count)).map { String(cString: $0) }
        }
    }

    private static func text(of name: OpaquePointer?) -> String {
        let bytes = bytesWritten { bio in
            _ = X509_NAME_print_ex(bio, name, 0, nova_XN_FLAG_RFC2253)
        }
        return bytes.isEmpty ? "nobody" : String(decoding: bytes, as: UTF8.self).printable
    }

    /// As in "2026-11-23 10:00:00 UTC".
    private static func text(ofTime time: UnsafePointer<ASN1_TIME>?) -> String {
        var fields = tm()
        guard let time, ASN1_TIME_to_tm(time, &fields) == 1 else { return "an unknown time" }
        return timeText(fields)
    }

    /// What this machine takes for the time, in the same form.
    static var now: String {
        var seconds = time(nil)
        var fields = tm()
        gmtime_r(&seconds, &fields)
        return timeText(fields)
    }
}

private func timeText(_ fields: tm) -> String {
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(fields.tm_year + 1900)-\(two(fields.tm_mon + 1))-\(two(fields.tm_mday))"
        + " \(two(fields.tm_hour)):\(two(fields.tm_min)):\(two(fields.tm_sec)) UTC"
}
