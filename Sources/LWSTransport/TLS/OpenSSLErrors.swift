internal import COpenSSL

/// OpenSSL's words for what went wrong on this thread; empties its queue of errors.
func openSSLErrors() -> String {
    var texts: [String] = []
    while true {
        let code = ERR_get_error()
        if code == 0 { break }
        let text = openSSLReason(code)
        if texts.last != text { texts.append(text) }
    }
    return texts.isEmpty ? "unknown reason" : texts.joined(separator: "; ")
}

/// OpenSSL's words for one of its error codes.
func openSSLReason(_ code: UInt) -> String {
    if let reason = ERR_reason_error_string(code) { return String(cString: reason) }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        ERR_error_string_n(code, buffer.baseAddress, buffer.count)
        return buffer.baseAddress.map { String(cString: $0) } ?? ""
    }
}

/// What `write` puts into a memory BIO.
func bytesWritten(_ write: (OpaquePointer) -> Void) -> [UInt8] {
    guard let bio = BIO_new(BIO_s_mem()) else { return [] }
    defer { BIO_free(bio) }
    write(bio)
    var bytes = [UInt8](repeating: 0, count: Int(BIO_ctrl_pending(bio)))
    let count = BIO_read(bio, &bytes, Int32(clamping: bytes.count))
    return Array(bytes.prefix(Int(max(0, count))))
}
