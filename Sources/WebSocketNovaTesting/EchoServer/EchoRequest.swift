import CLibwebsockets
import WebSocketCore

/// The request of a connection that is not a WebSocket yet, for as long as a callback of lws lasts.
struct EchoRequest {
    let wsi: OpaquePointer

    /// The path, unescaped and without the query.
    var path: String { self.value(of: WSI_TOKEN_GET_URI) ?? "" }

    /// The name=value pairs of the query; lws has unescaped them.
    var query: [String: String] {
        var pairs: [String: String] = [:]
        var buffer = [CChar](
            repeating: 0,
            count: Int(max(0, lws_hdr_total_length(self.wsi, WSI_TOKEN_HTTP_URI_ARGS))) + 1
        )
        var index: Int32 = 0
        // lws keeps each pair as a fragment of its own, and would join them with commas.
        while true {
            let count = lws_hdr_copy_fragment(self.wsi, &buffer, Int32(buffer.count), WSI_TOKEN_HTTP_URI_ARGS, index)
            guard count >= 0 else { return pairs }
            let parts = Self.text(buffer.prefix(Int(count))).split(separator: "=", maxSplits: 1)
            if let name = parts.first { pairs[String(name)] = parts.count == 2 ? String(parts[1]) : "" }
            index += 1
        }
    }

    /// The value of a field that lws knows, or nil.
    func value(of token: lws_token_indexes) -> String? {
        let length = lws_hdr_total_length(self.wsi, token)
        guard length > 0 else { return nil }
        // A byte for the zero, and room for the separators that lws puts between the parts of a field.
        var buffer = [CChar](repeating: 0, count: Int(length) + 128)
        let count = lws_hdr_copy(self.wsi, &buffer, Int32(buffer.count), token)
        guard count > 0 else { return nil }
        return Self.text(buffer.prefix(Int(count)))
    }

    /// The value of any field, or nil.
    func header(_ name: String) -> String? {
        let key = name.lowercased() + ":"
        for index in 0..<WSI_TOKEN_COUNT.rawValue {
            let token = lws_token_indexes(rawValue: index)
            guard let known = lws_token_to_string(token) else { continue }
            if String(decodingCString: known, as: UTF8.self) == key { return self.value(of: token) }
        }
        let length = lws_hdr_custom_length(self.wsi, key, Int32(key.utf8.count))
        guard length > 0 else { return nil }
        var buffer = [CChar](repeating: 0, count: Int(length) + 1)
        let count = lws_hdr_custom_copy(self.wsi, &buffer, Int32(buffer.count), key, Int32(key.utf8.count))
        guard count > 0 else { return nil }
        return Self.text(buffer.prefix(Int(count)))
    }

    private static func text(_ characters: ArraySlice<CChar>) -> String {
        String(decoding: characters.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Writes a response; what the kernel does not take now, lws writes before it closes.
    func respond(with refusal: EchoServer.Refusal) {
        var head = "HTTP/1.1 \(refusal.status) \(Self.reasonPhrase(of: refusal.status))\r\n"
        for field in refusal.headers { head += "\(field.name): \(field.value)\r\n" }
        if !refusal.headers.contains("Content-Type") { head += "Content-Type: text/plain; charset=utf-8\r\n" }
        head += "Content-Length: \(refusal.body.utf8.count)\r\nConnection: close\r\n\r\n"
        var bytes = Array(head.utf8) + refusal.body.utf8
        lws_write(self.wsi, &bytes, bytes.count, nova_lws_write_raw)
    }

    private static func reasonPhrase(of status: Int) -> String {
        switch status {
        case 301: "Moved Permanently"
        case 302: "Found"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 500: "Internal Server Error"
        case 503: "Service Unavailable"
        default: "Refused"
        }
    }
}
