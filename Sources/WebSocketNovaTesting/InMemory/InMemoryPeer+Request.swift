public import WebSocketCore

extension InMemoryPeer {
    /// The request that asks a peer to speak WebSocket.
    public struct Request: Sendable, Hashable {
        /// Path and query.
        public let target: String
        /// The request's fields, in order.
        public let headers: HTTPFields
        /// The subprotocols offered, the preferred first.
        public let subprotocols: [String]
        /// The host that the client connects to.
        public let host: String
        /// The port that the client connects to.
        public let port: Int
        /// Whether the URL is a `wss` one. There is no TLS in memory; its phase of the opening passes all the same.
        public let isSecure: Bool
        /// The request, byte for byte, up to and including the empty line.
        public let head: [UInt8]

        /// The path, without the query.
        public var path: String { String(self.target.prefix { $0 != "?" }) }
    }
}

extension InMemoryPeer.Request {
    init(_ request: TransportRequest) {
        let lines = String(decoding: request.head, as: UTF8.self).split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ")
        var headers = HTTPFields()
        for line in lines.dropFirst() {
            let name = line.prefix { $0 != ":" }
            let value = line.dropFirst(name.count + 1).drop { $0 == " " || $0 == "\t" }
            headers.append(name: String(name), value: String(value))
        }
        self.target = words.count > 1 ? String(words[1]) : ""
        self.headers = headers
        self.subprotocols = headers[values: "Sec-WebSocket-Protocol"].flatMap { line in
            line.split(separator: ",").map { $0.filter { $0 != " " && $0 != "\t" } }
        }
        self.host = request.endpoint.host
        self.port = Int(request.endpoint.port)
        self.isSecure = request.tls != nil
        self.head = request.head
    }
}

extension InMemoryPeer.Request: CustomStringConvertible {
    /// Method and path; neither the query nor a field's value, which may be secret.
    public var description: String { "GET \(self.path)" }
}
