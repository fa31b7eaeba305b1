import Testing
import WebSocketCore
import WebSocketNova

@Suite("The default subscription handler")
struct DefaultSubscriptionHandlerTests {
    private func confirmed(_ channels: String..., in handler: inout DefaultSubscriptionHandler) throws {
        for channel in channels {
            let id = try handler.subscribe(to: channel, parameters: .null, now: .zero).id
            #expect(
                try handler.handleResponse(["type": "subscribed", "id": .string(id.rawValue)], now: .zero)
                    == .confirmed(id)
            )
        }
    }

    @Test func `F66 a subscription goes from pending to confirmed to nothing`() throws {
        var handler = DefaultSubscriptionHandler()
        let (id, request) = try handler.subscribe(to: "trades", parameters: ["depth": 5], now: .seconds(1))
        #expect(id.rawValue == "sub_1")
        #expect(request == .json(["type": "subscribe", "id": "sub_1", "channel": "trades", "params": ["depth": 5]]))
        #expect(handler.records[id]?.status == .pending && handler.active.isEmpty)
        #expect(handler.subscription(to: "trades") == nil)
        _ = try handler.handleResponse(["type": "subscription", "status": "success", "id": "sub_1"], now: .seconds(2))
        #expect(handler.active == [id: SubscriptionRequest(channel: "trades", parameters: ["depth": 5])])
        #expect(handler.subscription(to: "trades") == id)
        #expect(handler.records[id]?.history == [.confirmed, .pending])
        #expect(handler.records[id]?.lastUpdated == .seconds(2) && handler.records[id]?.requested == .seconds(1))
        #expect(
            try handler.unsubscribe(from: id, now: .seconds(3))
                == .json(["type": "unsubscribe", "id": "sub_1", "channel": "trades"])
        )
        #expect(handler.active.isEmpty && handler.restorable.isEmpty && handler.records.isEmpty)
        #expect(throws: WebSocketError.self) { try handler.unsubscribe(from: id, now: .seconds(4)) }
    }

    @Test(
        arguments: [
            ["type": "subscription", "status": "error", "id": "sub_1", "reason": "no such channel"],
            ["type": "error", "subscription_id": "sub_1", "reason": "no such channel"],
        ] as [JSONValue]
    )
    func `F66 a refusal`(answer: JSONValue) throws {
        var handler = DefaultSubscriptionHandler()
        let id = try handler.subscribe(to: "x", parameters: .null, now: .zero).id
        #expect(try handler.handleResponse(answer, now: .zero) == .failed(id, reason: "no such channel"))
        #expect(handler.records[id]?.status == .failed && handler.records[id]?.failure == "no such channel")
        #expect(handler.restorable.isEmpty)
    }

    @Test func `F66 a request expires after more than 30 seconds`() throws {
        var handler = DefaultSubscriptionHandler()
        let id = try handler.subscribe(to: "x", parameters: .null, now: .zero).id
        _ = try handler.handleResponse(["type": "other"], now: .seconds(30))
        #expect(handler.records[id]?.status == .pending)
        _ = try handler.handleResponse(["type": "other"], now: .seconds(30) + .nanoseconds(1))
        #expect(handler.records[id]?.status == .expired && handler.records[id]?.history == [.expired, .pending])
    }

    @Test func `F66 answers to what was not asked, and news`() throws {
        var handler = DefaultSubscriptionHandler()
        #expect(try handler.handleResponse(["type": "subscribed", "id": "sub_9"], now: .zero) == .unrelated)
        #expect(try handler.handleResponse(["channel": "x", "v": 1], now: .zero) == .unrelated)
        #expect(try handler.handleResponse(.array([1, 2]), now: .zero) == .unrelated)
        try self.confirmed("x", in: &handler)
        let news: JSONValue = ["channel": "x", "v": 1]
        #expect(try handler.handleResponse(news, now: .zero) == .data(channel: "x", news))
    }

    @Test func `F67 confirmed and pending subscriptions are restored once each, in order`() throws {
        var handler = DefaultSubscriptionHandler()
        try self.confirmed("a", "b", in: &handler)
        _ = try handler.subscribe(to: "c", parameters: ["n": 1], now: .zero)
        let failed = try handler.subscribe(to: "d", parameters: .null, now: .zero).id
        _ = try handler.handleResponse(["type": "error", "subscription_id": .string(failed.rawValue)], now: .zero)
        for _ in 0..<3 {
            let requests = handler.restorable
            #expect(requests.map(\.channel) == ["a", "b", "c"])
            handler.prepareForReconnection()
            #expect(handler.active.isEmpty)
            for request in requests {
                _ = try handler.subscribe(to: request.channel, parameters: request.parameters, now: .zero)
            }
        }
        #expect(handler.restorable.last?.parameters == ["n": 1])
        // The failed one is a record, the others have one each.
        #expect(handler.records.count == 4)
        let again = try #require(handler.records.values.first { $0.request.channel == "a" })
        #expect(again.attempt == 4 && again.status == .pending)
    }

    @Test func `F67 what is exported is restored elsewhere`() throws {
        var handler = DefaultSubscriptionHandler()
        try self.confirmed("a", "b", in: &handler)
        var other = DefaultSubscriptionHandler()
        let messages = try other.restore(handler.export(), now: .zero)
        #expect(messages.count == 2 && other.export() == handler.export())
    }

    @Test func `options set the time limit, a bad one is refused by name`() throws {
        #expect(try DefaultSubscriptionHandler(options: ["subscription_timeout": 50]).timeout == .milliseconds(50))
        #expect(throws: WebSocketError.self) { try DefaultSubscriptionHandler(options: ["subscription_timeout": 0]) }
    }

    @Test func `F50 what a lost connection has left does not run out before it is asked for again`() throws {
        var handler = DefaultSubscriptionHandler()
        try self.confirmed("a", "b", in: &handler)
        _ = try handler.subscribe(to: "c", parameters: .null, now: .zero)
        handler.prepareForReconnection()
        let hour = Duration.seconds(3600)
        let id = try handler.subscribe(to: "a", parameters: .null, now: hour).id
        _ = try handler.handleResponse(["type": "other"], now: hour + .seconds(10))
        #expect(handler.restorable.map(\.channel) == ["a", "b", "c"])
        _ = try handler.handleResponse(["type": "other"], now: hour + .seconds(31))
        #expect(handler.records[id]?.status == .expired, "this one was asked for again")
        #expect(handler.restorable.map(\.channel) == ["b", "c"])
    }

    @Test func `F50 a restoration that is interrupted keeps the order`() throws {
        var handler = DefaultSubscriptionHandler()
        try self.confirmed("a", "b", "c", in: &handler)
        handler.prepareForReconnection()
        try self.confirmed("a", in: &handler)
        handler.prepareForReconnection()
        #expect(handler.restorable.map(\.channel) == ["a", "b", "c"])
        try self.confirmed("a", "b", "c", in: &handler)
        #expect(handler.active.count == 3 && handler.records.count == 3)
    }
}
