import TestSupport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@testable import WebSocketNova

@Suite("Requests", .timeLimit(.minutes(1)))
struct RequestTests {
    private static func request(_ id: JSONValue) -> OutgoingMessage { .json(["id": id, "method": "test"]) }

    @Test("F76, F79: an answer is found by its id, a number or a text, wherever that stands, among other messages")
    func ids() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            let number = await network.start { try await client.request(Self.request(7), correlatedBy: \.id) }
            let text = await network.start { try await client.request(Self.request("7"), correlatedBy: \.id) }
            let nested = await network.start {
                try await client.request(.json(["meta": ["ref": 7]]), correlatedBy: \.meta?.ref)
            }
            #expect(try await peer.receiveJSON() == ["id": 7, "method": "test"])
            #expect(try await peer.receiveJSON() == ["id": "7", "method": "test"])
            #expect(try await peer.receiveJSON() == ["meta": ["ref": 7]])
            try await peer.send("not JSON")
            try await peer.send("{broken")
            try await peer.send([7])
            try await peer.send(["id": 8, "n": 0])
            try await peer.send(["meta": ["ref": 7], "n": 1])
            try await peer.send(["id": "7", "n": 2])
            try await peer.send(["id": 7, "n": 3])
            #expect(try await nested.value.json["n"] == 1)
            #expect(try await text.value.json["n"] == 2)
            let answer = try await number.value
            #expect(answer.json["n"] == 3 && answer.stream == client.stream)
            #expect(try answer.decode(as: [String: Int].self) == ["id": 7, "n": 3])
            try await client.close()
        }
    }

    @Test("F79: a thousand requests at a time get their own answers, which come in random order")
    func thousand() async throws {
        var random = SeededGenerator(seed: 79)
        let order = (0..<1_000).shuffled(using: &random)
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for id in 0..<1_000 {
                    group.addTask {
                        let id = JSONValue.integer(Int64(id))
                        let answer = try await client.request(Self.request(id), correlatedBy: \.id)
                        return answer.json == ["id": id, "answer": id]
                    }
                }
                var asked: Set<JSONValue> = []
                while asked.count < 1_000 { asked.insert(try await peer.receiveJSON()["id"] ?? .null) }
                for id in order {
                    let id = JSONValue.integer(Int64(id))
                    try await peer.send(["id": id, "answer": id])
                }
                for try await isRight in group { #expect(isRight) }
            }
            #expect(await client.engine.waiting == [:])
            try await client.close()
        }
    }

    @Test("F77: a request times out, and the late answer to it goes to nobody: no other id, no matcher, no handler")
    func late() async throws {
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.wantsMessages = true
            let (client, peer) = try await network.client { $0.handlers.install(puppet) }
            let first = await network.start {
                try await client.request(Self.request(1), correlatedBy: \.id, timeout: .seconds(5))
            }
            _ = try await peer.receiveJSON()
            await network.advance(by: .seconds(5) - .nanoseconds(1))
            #expect(await client.engine.waiting["answers"] == 1)
            await network.advance(by: .nanoseconds(1))
            #expect(await first.errorCode == .timedOut)
            let second = await network.start { try await client.request(Self.request(2), correlatedBy: \.id) }
            let third = await network.start { try await client.request(.json(["x": 3])) { _ in .answer } }
            try await peer.send(["id": 1])
            try await peer.send(["id": 2])
            #expect(try await second.value.json == ["id": 2])
            #expect(await client.engine.waiting["answers"] == 1)
            // Once its late answer has come, an id is like any other.
            try await peer.send(["id": 1])
            #expect(try await third.value.json == ["id": 1])
            #expect(puppet.journal.value.count("handleMessage") == 0)
            #expect(await client.engine.waiting == [:])
            try await client.close()
        }
    }

    @Test("F77: cancelling a request ends its wait, before it is sent or after, and leaves nothing behind")
    func cancelled() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            let request = await network.start { try await client.request(Self.request(1), correlatedBy: \.id) }
            _ = try await peer.receiveJSON()
            request.cancel()
            #expect(await request.wasCancelled)
            try await peer.send(["id": 1])
            // One that is cancelled at once is not sent.
            let never = network.task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await client.request(Self.request(2), correlatedBy: \.id)
            }
            #expect(await never.wasCancelled)
            try await peer.expectNothing(but: "mark", from: client)
            await network.settle()
            #expect(await client.engine.waiting == [:])
            // Nor one that is cancelled while it waits for a connection.
            await peer.drop()
            let waiting = await network.start { try await client.request(Self.request(3), correlatedBy: \.id) }
            waiting.cancel()
            #expect(await waiting.wasCancelled)
            let second = try await network.reconnected()
            try await second.expectNothing(but: "mark", from: client)
            try await client.close()
        }
    }

    @Test("F78: a matcher picks, skips and throws; the oldest is asked first, and of two requests one gets an answer")
    func matchers() async throws {
        struct Refusal: Error {}
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            let asked = Locked<[String]>([])
            let picky = await network.start {
                try await client.request(.text("a")) { message in
                    asked.withLock { $0.append("a") }
                    return message.json["for"] == "a" ? .answer : .skip
                }
            }
            let throwing = await network.start {
                try await client.request(.text("b")) { message in
                    asked.withLock { $0.append("b") }
                    if message.json["for"] == "b" { throw Refusal() }
                    return .skip
                }
            }
            let content = await network.start {
                try await client.request(.text("c")) { message in
                    asked.withLock { $0.append("c") }
                    return message.message == .binary([1]) ? .answer : .skip
                }
            }
            for text in ["a", "b", "c"] { #expect(try await peer.receive() == .text(text)) }
            try await peer.send(["for": "nobody"])
            try await peer.send(["for": "b"])
            try await peer.send(["for": "a", "n": 1])
            try await peer.send(["for": "a", "n": 2])
            try await peer.send([1])
            #expect(try await picky.value.json["n"] == 1)
            await #expect(throws: Refusal.self) { try await throwing.value }
            #expect(try await content.value.message == .binary([1]))
            #expect(asked.value == ["a", "b", "c"] + ["a", "b"] + ["a"] + ["c"] + ["c"])
            try await client.close()
        }
    }

    @Test("F78: of two requests whose matchers take anything, each gets one answer, in order")
    func twoMatchers() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            let first = await network.start { try await client.request(.text("1")) { _ in .answer } }
            let second = await network.start { try await client.request(.text("2")) { _ in .answer } }
            try await peer.send(["n": 1])
            await network.settle()
            #expect(await client.engine.waiting["answers"] == 1)
            try await peer.send(["n": 2])
            #expect(try await first.value.json == ["n": 1])
            #expect(try await second.value.json == ["n": 2])
            try await client.close()
        }
    }

    @Test(
        "F79: a request is refused by name: without an id, with one that waits, with a bad timeout, and beyond the limit"
    )
    func refused() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client { $0.pendingRequests = 2 }
            for message: OutgoingMessage in [.json([:]), .json(["id": nil]), .text("{}"), .binary([]), .json([1])] {
                #expect(await code { _ = try await client.request(message, correlatedBy: \.id) } == .invalidMessage)
            }
            for timeout in [Duration.zero, .seconds(-1), .seconds(Int64.max)] {
                let result = await code {
                    _ = try await client.request(Self.request(1), correlatedBy: \.id, timeout: timeout)
                }
                #expect(result == .invalidConfiguration)
            }
            let first = await network.start { try await client.request(Self.request(1), correlatedBy: \.id) }
            let error = await #expect(throws: WebSocketError.self) {
                try await client.request(Self.request(1), correlatedBy: \.id)
            }
            #expect(error?.code == .invalidMessage && error?.message.contains("1") == true)
            let second = await network.start { try await client.request(.text("2")) { _ in .skip } }
            #expect(
                await code { _ = try await client.request(Self.request(3), correlatedBy: \.id) } == .tooManyRequests
            )
            _ = try await peer.receiveJSON()
            try await peer.send(["id": 1])
            _ = try await first.value
            second.cancel()
            _ = await second.result
            _ = try await peer.receive()
            let third = await network.start { try await client.request(Self.request(1), correlatedBy: \.id) }
            #expect(try await peer.receiveJSON()["id"] == 1)
            try await peer.send(["id": 1])
            _ = try await third.value
            try await client.close()
        }
    }

    @Test("F77: the loss of the connection fails every request that was sent with connection_closed")
    func lost() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            var requests: [Task<ReceivedMessage, any Error>] = []
            for id in 0..<5 {
                let id = JSONValue.integer(Int64(id))
                requests.append(await network.start { try await client.request(Self.request(id), correlatedBy: \.id) })
            }
            requests.append(await network.start { try await client.request(.text("x")) { _ in .skip } })
            await peer.drop()
            for request in requests { #expect(await request.errorCode == .connectionClosed) }
            let second = try await network.reconnected()
            // An answer on another connection is none.
            let again = await network.start { try await client.request(Self.request(1), correlatedBy: \.id) }
            try await second.send(["id": 0])
            try await second.send(["id": 1])
            #expect(try await again.value.json == ["id": 1])
            // And so does the client's own end.
            let last = await network.start { try await client.request(Self.request(2), correlatedBy: \.id) }
            try await client.close()
            #expect(await last.errorCode == .connectionClosed)
            #expect(
                await code { _ = try await client.request(Self.request(3), correlatedBy: \.id) } == .connectionClosed
            )
        }
    }

    @Test("F77: without a connection a request waits up to its timeout, and counts among those that wait")
    func disconnected() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client { configuration in
                configuration.pendingRequests = 2
                configuration.handlers.error = DefaultErrorHandler(
                    backoff: Backoff(growth: .linear, base: .seconds(20), limit: .unlimited)
                )
            }
            await peer.drop()
            await network.settle()
            let short = await network.start {
                try await client.request(Self.request(1), correlatedBy: \.id, timeout: .seconds(5))
            }
            let long = await network.start {
                try await client.request(Self.request(2), correlatedBy: \.id, timeout: .seconds(25))
            }
            #expect(
                await code { _ = try await client.request(Self.request(3), correlatedBy: \.id) } == .tooManyRequests
            )
            await network.advance(by: .seconds(5))
            #expect(await short.errorCode == .timedOut)
            let second = try await network.reconnected(after: .seconds(15))
            #expect(try await second.receiveJSON()["id"] == 2)
            // The time goes on from when it was made.
            await network.advance(by: .seconds(5))
            #expect(await long.errorCode == .timedOut)
            #expect(await client.engine.waiting["requests"] == nil)
            try await client.close()
        }
    }

    @Test("F77: the time of a request runs also while the rate limiter holds it, and it is not sent when that is over")
    func limited() async throws {
        try await withInMemoryNetwork { network in
            let limiter = try DefaultRateLimitHandler(capacity: 1, refillInterval: .seconds(20))
            let (client, peer) = try await network.client { $0.handlers.rateLimit = limiter }
            try await client.send("first")
            let request = await network.start {
                try await client.request(Self.request(1), correlatedBy: \.id, timeout: .seconds(5))
            }
            let send = await network.start { try await client.send("second") }
            await network.advance(by: .seconds(5))
            #expect(await request.errorCode == .timedOut)
            await network.advance(by: .seconds(16))
            try await send.value
            #expect(try await peer.receive() == .text("first"))
            #expect(try await peer.receive() == .text("second"))
            #expect(await client.engine.waiting == [:])
            try await client.close()
        }
    }

    @Test("F80: a ping gives the round trip, status the connection's, and handlerStatus the handler's own words")
    func pingAndStatus() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            peer.answersPings = false
            let ping = await network.start { try await client.ping([1, 2]) }
            #expect(try await peer.receive() == .ping([1, 2]))
            await network.advance(by: .milliseconds(40))
            try await peer.pong([1, 2])
            #expect(try await ping.value == .milliseconds(40))
            #expect(client.status == .websocketConnected)
            #expect(try await client.handlerStatus() == ["connected": true, "reconnect_attempts": 0])
            await peer.drop()
            await network.settle()
            #expect(client.status == .reconnecting)
            #expect(await code { try await client.ping() } == .notConnected)
            try await client.close()
            #expect(client.status == .closed)
        }
    }

    @Test("F76: text goes out as it is, JSON as JSON, and what has no JSON not at all")
    func sends() async throws {
        struct Order: Codable, Equatable { var price: Double, symbol: String }
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            let order = Order(price: 1.5, symbol: "a/\"b\"")
            try await client.send("plain \u{1F30D}")
            try await client.send(json: order)
            try await client.send(json: ["b": 1, "a": 2])
            #expect(await code { try await client.send(json: Double.nan) } == .invalidMessage)
            #expect(try await peer.receive() == .text("plain \u{1F30D}"))
            #expect(try await peer.receive() == .text(#"{"price":1.5,"symbol":"a/\"b\""}"#))
            #expect(try await peer.receive() == .text(#"{"a":2,"b":1}"#))
            try await client.close()
        }
    }
}
