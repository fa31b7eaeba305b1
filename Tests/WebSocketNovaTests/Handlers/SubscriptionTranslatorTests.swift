import Testing
import WebSocketCore
import WebSocketNova

@Suite("Subscriptions in a language of the service's own")
struct SubscriptionTranslatorTests {
    /// The example of the documentation.
    struct Exchange: SubscriptionTranslator {
        var subscriptions = DefaultSubscriptionHandler()

        mutating func subscribe(
            to channel: String,
            parameters: JSONValue,
            now: Duration
        ) -> (id: SubscriptionID, request: OutgoingMessage) {
            let id = self.subscriptions.begin(channel, parameters: parameters, now: now)
            return (id, .json(["op": "sub", "ref": .string(id.rawValue), "topic": .string(channel)]))
        }

        mutating func unsubscribe(from id: SubscriptionID, now: Duration) throws -> OutgoingMessage? {
            let request = try self.subscriptions.end(id, now: now)
            return .json(["op": "unsub", "topic": .string(request.channel)])
        }

        mutating func handleResponse(_ message: JSONValue, now: Duration) -> SubscriptionResponse {
            if let ref = message["ref"]?.string.map(SubscriptionID.init(rawValue:)) {
                return message["ok"] == true
                    ? self.subscriptions.confirm(ref, now: now)
                    : self.subscriptions.refuse(ref, reason: message["why"]?.string, now: now)
            }
            guard let topic = message["topic"]?.string, self.subscriptions.id(for: topic) != nil else {
                return .unrelated
            }
            return .data(channel: topic, message["payload"] ?? .null)
        }
    }

    @Test func `F66 a translator says it in other words and keeps the same books`() throws {
        var handler = Exchange()
        let (id, request) = handler.subscribe(to: "trades", parameters: ["depth": 5], now: .zero)
        #expect(request == .json(["op": "sub", "ref": "sub_1", "topic": "trades"]))
        #expect(handler.restorable == [SubscriptionRequest(channel: "trades", parameters: ["depth": 5])])
        #expect(handler.active.isEmpty)
        #expect(handler.handleResponse(["ref": "sub_1", "ok": true], now: .zero) == .confirmed(id))
        #expect(handler.active.keys.contains(id))
        #expect(handler.handleResponse(["topic": "trades", "payload": 7], now: .zero) == .data(channel: "trades", 7))
        #expect(handler.handleResponse(["topic": "other", "payload": 7], now: .zero) == .unrelated)
        #expect(try handler.unsubscribe(from: id, now: .zero) == .json(["op": "unsub", "topic": "trades"]))
        #expect(handler.restorable.isEmpty && handler.subscriptions.id(for: "trades") == nil)
        #expect(throws: WebSocketError.self) { try handler.unsubscribe(from: id, now: .zero) }
    }

    @Test func `F66 a refusal in other words`() throws {
        var handler = Exchange()
        let id = handler.subscribe(to: "x", parameters: .null, now: .zero).id
        #expect(handler.handleResponse(["ref": "sub_9", "ok": true], now: .zero) == .unrelated)
        #expect(
            handler.handleResponse(["ref": .string(id.rawValue)], now: .zero)
                == .failed(id, reason: "no reason given")
        )
        #expect(handler.restorable.isEmpty && handler.subscriptions.id(for: "x") == id)
    }

    @Test func `a translator that says nothing speaks the default language`() throws {
        struct Plain: SubscriptionTranslator { var subscriptions = DefaultSubscriptionHandler() }
        var plain = Plain()
        var standard = DefaultSubscriptionHandler()
        let (id, request) = try plain.subscribe(to: "x", parameters: 1, now: .zero)
        #expect(try standard.subscribe(to: "x", parameters: 1, now: .zero) == (id, request))
        #expect(try plain.handleResponse(["type": "subscribed", "id": "sub_1"], now: .zero) == .confirmed(id))
        plain.prepareForReconnection()
        #expect(plain.active.isEmpty && plain.restorable.count == 1)
        #expect(try plain.unsubscribe(from: id, now: .zero) == standard.unsubscribe(from: id, now: .zero))
    }
}
