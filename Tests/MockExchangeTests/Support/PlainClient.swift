import MockExchange
import Testing
import WebSocketNova

/// An exchange's client as one writes it over the plain ``WebSocket``: one request at a time, no recovery.
struct PlainClient {
    struct Refusal: Error, Equatable {
        var code: Int64
        var reason: String?
    }

    let socket: WebSocket
    /// Notifications that came while an answer was awaited.
    var notifications: [JSONValue] = []
    private var made: Int64 = 0

    init(
        _ exchange: MockExchangeServer,
        configuration: WebSocketConfiguration = WebSocketConfiguration()
    ) async throws {
        self.socket = try await WebSocket.connect(to: exchange.url, configuration: configuration)
    }

    mutating func post(_ method: String, _ parameters: JSONValue = [:]) async throws -> JSONValue {
        self.made += 1
        let id = JSONValue.integer(self.made)
        try await self.socket.send(JSONRPC.text(JSONRPC.request(id: id, method: method, parameters: parameters)))
        return id
    }

    mutating func call(_ method: String, _ parameters: JSONValue = [:]) async throws -> JSONValue {
        let id = try await self.post(method, parameters)
        while let message = try await self.next() {
            guard message["id"] == id else {
                self.notifications.append(message)
                continue
            }
            if let result = message["result"] { return result }
            let code = message["error"]?["code"]?.integer ?? 0
            throw Refusal(code: code, reason: message["error"]?["data"]?["reason"]?.string)
        }
        throw Refusal(code: 0, reason: "closed")
    }

    func next() async throws -> JSONValue? {
        guard case .text(let text) = try await self.socket.nextMessage() else { return nil }
        return JSONRPC.value(text)
    }

    /// Reads to the end, since a Close frame is answered at once only when the messages before it have been read.
    func end() async throws -> WebSocketCloseInfo {
        while (try? await self.socket.nextMessage()) != nil {}
        return try await self.socket.waitUntilClosed()
    }

    mutating func authenticate() async throws -> JSONValue {
        let time = try #require(try await self.call("public/get_time").integer)
        return try await self.call("public/auth", .signature(at: time))
    }

    mutating func buy(_ label: String? = nil) async throws -> String? {
        var parameters: [String: JSONValue] = ["instrument_name": "BTC-PERPETUAL", "amount": 10]
        if let label { parameters["label"] = .string(label) }
        return try await self.call("private/buy", .object(parameters))["order"]?["order_id"]?.string
    }

    /// The notification that came first and has not been taken.
    mutating func nextNotification() async throws -> JSONValue? {
        if !self.notifications.isEmpty { return self.notifications.removeFirst() }
        return try await self.next()
    }
}

extension JSONValue {
    /// The parameters of an authentication by signature.
    static func signature(
        client: String = "client",
        secret: String = "secret",
        at milliseconds: Int64,
        nonce: String = ""
    ) -> JSONValue {
        let signature = ExchangeSession.signature(secret: secret, timestamp: milliseconds, nonce: nonce)
        return [
            "grant_type": "client_signature", "client_id": .string(client), "timestamp": .integer(milliseconds),
            "nonce": .string(nonce), "signature": .string(signature),
        ]
    }
}
