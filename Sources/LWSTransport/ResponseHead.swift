internal import CLibwebsockets
internal import WebSocketCore

/// Sizes of the storage in which lws keeps the headers of one exchange.
enum HeaderLimits {
    /// Request strings and response headers share it. lws's default of 4096 is too little for a long cookie.
    static let lwsBufferSize = 64 * 1024 - 1
}

/// Takes the response's head out of lws's header table.
///
/// lws knows some seventy header names; of others its 4.1.6 release can only give the value for a name that is asked for.
enum ResponseHead {
    /// Names that lws has no token for and that users have reason to look at.
    private static let otherNames = [
        "x-request-id", "x-correlation-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
        "x-powered-by", "cf-ray", "alt-svc", "keep-alive",
    ]

    private static let tokens: [(index: lws_token_indexes, name: String)] = {
        var tokens: [(lws_token_indexes, String)] = []
        var index = lws_token_indexes(0)
        while let text = lws_token_to_string(index) {
            let name = String(cString: UnsafeRawPointer(text).assumingMemoryBound(to: CChar.self))
            // The others are request lines ("get ") and HTTP/2's pseudo headers (":path").
            if name.hasSuffix(":"), !name.hasPrefix(":") { tokens.append((index, String(name.dropLast()))) }
            index.rawValue += 1
        }
        return tokens
    }()

    /// - Returns: nil if the head is larger than the limit.
    static func read(_ wsi: OpaquePointer, limit: Int) -> HTTPResponseHead? {
        var size = 0
        var headers = HTTPFields()
        for (index, name) in Self.tokens where lws_hdr_total_length(wsi, index) > 0 || Self.isPresent(wsi, index) {
            for value in Self.values(wsi, index) {
                headers.append(name: name, value: value)
                size += name.utf8.count + value.utf8.count + 4
            }
        }
        for name in Self.otherNames {
            if let value = Self.customValue(wsi, name) {
                headers.append(name: name, value: value)
                size += name.utf8.count + value.utf8.count + 4
            }
        }
        let status = Int(lws_http_client_http_response(wsi))
        return size <= limit ? HTTPResponseHead(status: status, headers: headers) : nil
    }

    private static func isPresent(_ wsi: OpaquePointer, _ index: lws_token_indexes) -> Bool {
        lws_hdr_fragment_length(wsi, index, 0) > 0
    }

    private static func values(_ wsi: OpaquePointer, _ index: lws_token_indexes) -> [String] {
        var values: [String] = []
        while true {
            let length = lws_hdr_fragment_length(wsi, index, Int32(values.count))
            guard length > 0 else { return values }
            let value = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(length) + 1) { buffer in
                let count = lws_hdr_copy_fragment(wsi, buffer.baseAddress, length + 1, index, Int32(values.count))
                return Self.trimmed(UnsafeRawBufferPointer(buffer).prefix(max(0, Int(count))))
            }
            values.append(value)
        }
    }

    /// Without the white space around it, which is not part of a value (RFC 9110 section 5.5); lws leaves it in front of
    /// all values of a name but the first.
    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        guard let last = bytes.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(decoding: bytes[...last].drop(while: isSpace), as: UTF8.self)
    }

    private static func customValue(_ wsi: OpaquePointer, _ name: String) -> String? {
        let key = name + ":"
        let length = lws_hdr_custom_length(wsi, key, Int32(key.utf8.count))
        guard length > 0 else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(length) + 1) { buffer in
            let count = lws_hdr_custom_copy(wsi, buffer.baseAddress, length + 1, key, Int32(key.utf8.count))
            return Self.trimmed(UnsafeRawBufferPointer(buffer).prefix(max(0, Int(count))))
        }
    }
}
