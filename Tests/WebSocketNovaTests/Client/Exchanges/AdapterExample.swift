import Testing
import WebSocketNova
import WebSocketNovaTesting

// What the article "Testing your adapter" shows: AdapterArticleTests compares the two.

/// A service that tells the prices of symbols to those whom it knows.
struct TickerAdapter: Adapter, AuthHandler, SubscriptionTranslator {
    var key = ""
    var subscriptions = DefaultSubscriptionHandler()

    func configure(_ configuration: inout ClientConfiguration) {
        configuration.url = "wss://ticker.example.com/v1"
        configuration.authenticatesOnConnect = true
    }

    func authenticationRequest(now: Double) -> OutgoingMessage {
        .json(["op": "login", "key": .string(self.key)])
    }

    func handleResponse(_ message: JSONValue, now: Double) -> AuthResponse {
        switch message.op {
        case "welcome": .authenticated
        case "denied": .refused(reason: message.why?.string ?? "no reason given")
        default: .unrelated
        }
    }

    mutating func subscribe(
        to symbol: String,
        parameters: JSONValue,
        now: Duration
    ) -> (id: SubscriptionID, request: OutgoingMessage) {
        let id = self.subscriptions.begin(symbol, parameters: parameters, now: now)
        return (id, .json(["op": "watch", "symbol": .string(symbol), "ref": .string(id.rawValue)]))
    }

    mutating func unsubscribe(from id: SubscriptionID, now: Duration) throws -> OutgoingMessage? {
        let request = try self.subscriptions.end(id, now: now)
        return .json(["op": "unwatch", "symbol": .string(request.channel)])
    }

    mutating func handleResponse(_ message: JSONValue, now: Duration) -> SubscriptionResponse {
        if message.op == "watching" {
            return self.subscriptions.confirm(message.ref?.string.map(SubscriptionID.init(rawValue:)), now: now)
        }
        guard let symbol = message.symbol?.string, let price = message.price else { return .unrelated }
        return .data(channel: symbol, price)
    }
}

@Suite("The example of the article", .timeLimit(.minutes(1)))
struct AdapterExample {
    @Test func `F87 prices go on after the connection was lost, behind a gap`() async throws {
        try await withInMemoryNetwork { network in
            network.onConnection { peer in
                try await peer.accept()
                #expect(try await peer.receive() == .text(#"{"key":"sesame","op":"login"}"#))
                try await peer.send(#"{"op":"welcome"}"#)
                let ref = "sub_\(peer.number)"
                #expect(try await peer.receive() == .text(#"{"op":"watch","ref":"\#(ref)","symbol":"ABC"}"#))
                try await peer.send(#"{"op":"watching","ref":"\#(ref)"}"#)
                try await peer.send(#"{"symbol":"ABC","price":\#(peer.number)}"#)
                if peer.number == 1 { return await peer.drop() }
                #expect(try await peer.receive() == .close(.normalClosure, reason: ""))
            }
            let client = try await WebSocketClient.connect(using: TickerAdapter(key: "sesame")) {
                $0.webSocket.use(network)
            }
            var prices = try await client.subscribe(to: "ABC").makeAsyncIterator()
            #expect(try await prices.next()?.message?.json == 1)
            // The delay before the attempt to come back, which is drawn at random.
            await network.advanceToNextTimer()
            #expect(try await prices.next()?.gap?.attempts == 1)
            #expect(try await prices.next()?.message?.json == 2)
            try await client.close()
        }
    }

    @Test func `F87 whoever is not known is told so, and not tried again`() async throws {
        try await withInMemoryNetwork { network in
            network.onConnection { peer in
                try await peer.accept()
                _ = try await peer.receive()
                try await peer.send(#"{"op":"denied","why":"no such key"}"#)
                _ = try await peer.waitUntilClosed()
            }
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocketClient.connect(using: TickerAdapter()) { $0.webSocket.use(network) }
            }
            #expect(error?.code == .authenticationFailed)
            #expect(error?.message.contains("no such key") == true)
            #expect(await network.openingCount == 1)
        }
    }
}
