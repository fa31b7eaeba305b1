import WebSocketCore

/// The upgrade request as the server reads it (RFC 6455 section 4.2.1), and its answers.
struct UpgradeExchange {
    private(set) var target = ""
    private(set) var fields = HTTPFields()

    /// Reads a request head with its empty line; nil if it is none.
    init?(head: ArraySlice<UInt8>) {
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        let start = lines.first?.split(separator: " ") ?? []
        guard start.count == 3, start[0] == "GET", start[2] == "HTTP/1.1" else { return nil }
        self.target = String(start[1])
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = Self.trimmed(line[line.index(after: colon)...])
            self.fields.append(name: String(line[..<colon]), value: value)
        }
        guard self.fields["Upgrade"]?.lowercased() == "websocket", self.fields["Sec-WebSocket-Version"] == "13",
            self.fields["Sec-WebSocket-Key"] != nil
        else { return nil }
    }

    var offeredSubprotocols: [String] {
        self.fields[values: "Sec-WebSocket-Protocol"].flatMap { $0.split(separator: ",") }.map(Self.trimmed)
    }

    func acceptance(subprotocol: String?) -> String {
        let key = WebSocketKey(value: self.fields["Sec-WebSocket-Key"] ?? "")
        let chosen = subprotocol.map { "Sec-WebSocket-Protocol: \($0)\r\n" } ?? ""
        return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: \(key.accept)\r\n\(chosen)\r\n"
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

/// An answer to an upgrade request that is not 101.
package struct UpgradeRefusal: Sendable {
    package var status: Int
    package var headers: [String]
    package var body: String

    /// Makes an answer; the headers are lines without their ends.
    package init(status: Int, headers: [String] = [], body: String = "") {
        self.status = status
        self.headers = headers
        self.body = body
    }

    var text: String {
        let headers = self.headers.map { $0 + "\r\n" }.joined()
        return "HTTP/1.1 \(self.status) \(Self.reasons[self.status] ?? "Refused")\r\n\(headers)"
            + "Content-Type: text/plain\r\nContent-Length: \(self.body.utf8.count)\r\nConnection: close\r\n\r\n\(self.body)"
    }

    private static let reasons = [
        400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests",
        500: "Internal Server Error", 503: "Service Unavailable",
    ]
}
