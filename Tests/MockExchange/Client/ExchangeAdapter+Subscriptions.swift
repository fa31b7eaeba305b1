package import WebSocketNova

extension ExchangeAdapter: SubscriptionTranslator {
    package mutating func subscribe(
        to channel: String,
        parameters: JSONValue,
        now: Duration
    ) -> (id: SubscriptionID, request: OutgoingMessage) {
        let id = self.subscriptions.begin(channel, parameters: parameters, now: now)
        let method = channel.hasPrefix("user.") ? "private/subscribe" : "public/subscribe"
        return (id, .json(Self.request(id.rawValue, method, channel)))
    }

    package mutating func unsubscribe(from id: SubscriptionID, now: Duration) throws -> OutgoingMessage? {
        let request = try self.subscriptions.end(id, now: now)
        return .json(Self.request(self.nextIdentifier("end"), "public/unsubscribe", request.channel))
    }

    private static func request(_ id: String, _ method: String, _ channel: String) -> JSONValue {
        JSONRPC.request(id: .string(id), method: method, parameters: ["channels": [.string(channel)]])
    }

    /// The exchange leaves a channel that it does not have out of an answer that is otherwise good.
    package mutating func handleResponse(_ message: JSONValue, now: Duration) -> SubscriptionResponse {
        if message["method"] == "subscription" {
            guard let channel = message["params"]?["channel"]?.string, self.subscriptions.id(for: channel) != nil,
                let data = message["params"]?["data"]
            else { return .unrelated }
            return .data(channel: channel, data)
        }
        guard let id = message["id"]?.string.map(SubscriptionID.init(rawValue:)),
            let channel = self.subscriptions.records[id]?.request.channel
        else { return .unrelated }
        if message["result"]?.array?.contains(.string(channel)) == true {
            return self.subscriptions.confirm(id, now: now)
        }
        // The authentication ended on the way: that says nothing of the channel.
        if message["error"]?["code"] == 13009 { return .unauthenticated(id) }
        let reason = message["error"]?["message"]?.string ?? "no such channel"
        return self.subscriptions.refuse(id, reason: reason, now: now)
    }
}
