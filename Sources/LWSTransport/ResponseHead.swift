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
    /// Names that lws has no token for and that users have reason to look at, in lower case.
    private static let otherNames = [
        "alt-svc", "cf-cache-status", "cf-ray", "correlation-id", "keep-alive", "nel", "ratelimit", "ratelimit-limit",
        "ratelimit-policy", "ratelimit-remaining", "ratelimit-reset", "report-to", "request-id", "server-timing",
        "traceparent", "tracestate", "x-amz-cf-id", "x-amzn-errortype", "x-amzn-requestid", "x-amzn-trace-id",
        "x-cache",
        "x-cloud-trace-context", "x-correlation-id", "x-error", "x-powered-by", "x-ratelimit-limit",
        "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id", "x-served-by", "x-trace-id",
    ]

    /// What lws says of a head that it cannot take in; and rarely of one that is wrong (parsers.c:980).
    static let parserFailure = "problems parsing header"

    /// lws's words for a failure, and what they mean.
    static func explained(_ words: String) -> String {
        switch words {
        case Self.parserFailure: "its head is larger than 64 KiB, has too many fields, or is malformed"
        case "HS: URI missing": "its head has no status line of HTTP/1.0 or HTTP/1.1"
        default: words
        }
    }

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

    private static let knownNames = Set(Self.tokens.map(\.name))

    /// - Parameter names: of fields to look for beside those that are looked for anyway.
    /// - Returns: nil if the head is larger than the limit.
    static func read(_ wsi: OpaquePointer, names: [String], limit: Int) -> HTTPResponseHead? {
        var size = 0
        var headers = HTTPFields()
        func append(_ name: String, _ value: String) {
            headers.append(name: name, value: value)
            size += name.utf8.count + value.utf8.count + 4
        }
        for (index, name) in Self.tokens {
            for value in Self.values(wsi, index) { append(name, value) }
        }
        for name in Self.otherNames {
            if let value = Self.customValue(wsi, name) { append(name, value) }
        }
        for name in names {
            let name = name.lowercased()
            guard !Self.knownNames.contains(name), !headers.contains(name) else { continue }
            if let value = Self.customValue(wsi, name) { append(name, value) }
        }
        guard size <= limit else { return nil }
        let isOlder = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP) == 0
        let status = Int(lws_http_client_http_response(wsi))
        return HTTPResponseHead(status: status, minorVersion: isOlder ? 0 : 1, headers: headers)
    }

    /// Whether lws understands the framing of the body. Of codings it knows one, to the letter (client-http.c:799).
    static func isBodyDecoded(_ wsi: OpaquePointer) -> Bool {
        guard lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 else { return true }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 8) { buffer in
            lws_hdr_copy_fragment(wsi, buffer.baseAddress, 8, WSI_TOKEN_HTTP_TRANSFER_ENCODING, 0) == 7
                && buffer.prefix(7).elementsEqual("chunked".utf8.map { CChar(bitPattern: $0) })
        }
    }

    /// Every value of a name, empty ones too.
    private static func values(_ wsi: OpaquePointer, _ index: lws_token_indexes) -> [String] {
        var values: [String] = []
        while true {
            let length = lws_hdr_fragment_length(wsi, index, Int32(values.count))
            let value: String? = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(length) + 1) { buffer in
                let count = lws_hdr_copy_fragment(wsi, buffer.baseAddress, length + 1, index, Int32(values.count))
                // The length of one that is not there is 0 as well.
                return count < 0 ? nil : Self.trimmed(UnsafeRawBufferPointer(buffer).prefix(Int(count)))
            }
            guard let value else { return values }
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
        guard length >= 0 else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(length) + 1) { buffer in
            let count = lws_hdr_custom_copy(wsi, buffer.baseAddress, length + 1, key, Int32(key.utf8.count))
            return Self.trimmed(UnsafeRawBufferPointer(buffer).prefix(max(0, Int(count))))
        }
    }
}
