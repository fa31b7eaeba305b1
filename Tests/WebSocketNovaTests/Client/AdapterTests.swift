import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("Adapters")
struct AdapterTests {
    struct Failure: Error {}

    /// Counts all its calls in one place, and fails where it is told to.
    struct Counter: Adapter, ConnectionHandler, MessageHandler, AuthHandler, RateLimitHandler, ErrorHandler,
        SubscriptionTranslator
    {
        var calls: [String] = []
        var fails = false
        var wantsFrames = false
        var wantsMessages = false
        var subscriptions = DefaultSubscriptionHandler()

        mutating func note(_ call: String) throws {
            self.calls.append(call)
            if self.fails { throw Failure() }
        }

        mutating func handleConnect(_ connection: ConnectionInfo) throws -> HandlerDecision {
            try self.note("connect")
            return .ok
        }
        mutating func handleFrame(_ frame: WebSocketFrame, on stream: StreamRef) throws -> HandlerDecision {
            try self.note("frame")
            return .reply(frame)
        }
        mutating func handleMessage(_ message: JSONValue, on stream: StreamRef) throws -> HandlerDecision {
            try self.note("message")
            return .replyMany([.text("\(self.calls.count)")])
        }
        mutating func authenticationRequest(now: Double) throws -> OutgoingMessage {
            try self.note("auth")
            return .json(["seen": .array(self.calls.map(JSONValue.string))])
        }
        mutating func handleResponse(_ message: JSONValue, now: Double) throws -> AuthResponse {
            try self.note("answer")
            return .authenticated
        }
        mutating func handleResponse(_ message: JSONValue, now: Duration) throws -> SubscriptionResponse {
            try self.note("news")
            return .unrelated
        }
        mutating func check(_ request: RateLimitRequest, now: Duration) throws -> RateLimitDecision {
            try self.note("check")
            return .queue(.seconds(1))
        }
        mutating func handleError(_ error: WebSocketError, context: ErrorContext) throws -> ErrorDecision {
            try self.note("error")
            return .retry(after: .seconds(2))
        }
    }

    private let stream = StreamRef(connection: ConnectionID(rawValue: 1), generation: 1)

    private var info: ConnectionInfo {
        ConnectionInfo(
            connection: self.stream.connection,
            stream: self.stream,
            host: "example.com",
            port: 443,
            path: "/",
            transport: .tls
        )
    }

    @Test(arguments: HandlerSlot.all)
    func `F75 an adapter has the places of the protocols that it conforms to`(slot: HandlerSlot) {
        #expect(slot.get(HandlerSet(adapter: EveryHandler())) is any AdapterHandler)
        var handlers = HandlerSet()
        handlers.install(EveryHandler())
        #expect(slot.get(handlers) is any AdapterHandler)
    }

    @Test(arguments: HandlerSlot.all)
    func `F75 where an adapter does not conform the handler stays`(slot: HandlerSlot) {
        var handlers = HandlerSet.standard
        slot.set(&handlers, EveryHandler(tag: "before"))
        handlers.install(Bare())
        #expect((slot.get(handlers) as? EveryHandler)?.tag == "before")
    }

    @Test func `what is installed later takes the place from the adapter`() {
        var handlers = HandlerSet(adapter: Counter())
        handlers.install(.auth(DefaultAuthHandler()))
        #expect(handlers.auth is DefaultAuthHandler && handlers.connection is AdapterConnectionHandler<Counter>)
        handlers.install(EveryHandler(tag: "second"))
        #expect(handlers.connection is AdapterConnectionHandler<EveryHandler>)
        #expect(handlers.adapter(as: Counter.self) != nil && handlers.adapter(as: EveryHandler.self)?.tag == "second")
        #expect(handlers.adapter(as: Bare.self) == nil)
    }

    @Test func `F14 handlers that are merged bring their adapter, once`() throws {
        let adapted = HandlerSet(adapter: Counter())
        var handlers = HandlerSet()
        handlers.merge(adapted)
        handlers.merge(adapted)
        _ = try handlers.connection?.handleConnect(self.info)
        #expect(handlers.adapter(as: Counter.self)?.calls == ["connect"] && handlers.adapters.count == 1)
    }

    @Test func `all conformances of an adapter share its state`() throws {
        var handlers = HandlerSet(adapter: Counter())
        #expect(try handlers.connection?.handleConnect(self.info) == .ok)
        #expect(try handlers.message?.handleMessage(["a": 1], on: self.stream) == .replyMany([.text("2")]))
        #expect(try handlers.rateLimit?.check(RateLimitRequest(kind: "query"), now: .zero) == .queue(.seconds(1)))
        #expect(
            try handlers.auth?.authenticationRequest(now: 0)
                == .json(["seen": ["connect", "message", "check", "auth"]])
        )
        #expect(try handlers.auth?.handleResponse([:], now: 0) == .authenticated)
        #expect(try handlers.subscription?.handleResponse([:], now: .zero) == .unrelated)
        let context = ErrorContext(connection: self.stream.connection)
        #expect(
            try handlers.error?.handleError(WebSocketError(.transportFailed, "reset"), context: context)
                == .retry(after: .seconds(2))
        )
        #expect(
            handlers.adapter(as: Counter.self)?.calls
                == ["connect", "message", "check", "auth", "answer", "news", "error"]
        )
    }

    @Test func `F62 a call that throws keeps the state before it`() throws {
        var counter = Counter()
        counter.fails = true
        counter.calls = ["before"]
        var handlers = HandlerSet(adapter: counter)
        let context = ErrorContext(connection: self.stream.connection)
        #expect(throws: Failure.self) { try handlers.connection?.handleConnect(self.info) }
        #expect(throws: Failure.self) { try handlers.connection?.handleFrame(.text("x"), on: self.stream) }
        #expect(throws: Failure.self) { try handlers.message?.handleMessage([:], on: self.stream) }
        #expect(throws: Failure.self) { try handlers.auth?.authenticationRequest(now: 0) }
        #expect(throws: Failure.self) { try handlers.auth?.handleResponse([:], now: 0) }
        #expect(throws: Failure.self) { try handlers.subscription?.handleResponse([:], now: .zero) }
        #expect(throws: Failure.self) { try handlers.rateLimit?.check(RateLimitRequest(kind: "x"), now: .zero) }
        #expect(throws: Failure.self) {
            try handlers.error?.handleError(WebSocketError(.transportFailed, "reset"), context: context)
        }
        #expect(handlers.adapter(as: Counter.self)?.calls == ["before"])
    }

    @Test(arguments: [false, true])
    func `what an adapter wants to see is passed on`(wants: Bool) {
        var counter = Counter()
        counter.wantsFrames = wants
        counter.wantsMessages = wants
        let handlers = HandlerSet(adapter: counter)
        #expect(handlers.connection?.wantsFrames == wants && handlers.message?.wantsMessages == wants)
        #expect(EveryHandler().wantsMessages == false)
    }

    @Test func `two clients with one adapter do not share a state`() throws {
        let counter = Counter()
        var first = HandlerSet(adapter: counter)
        var second = HandlerSet(adapter: counter)
        _ = try first.connection?.handleConnect(self.info)
        _ = try second.auth?.handleResponse([:], now: 0)
        #expect(first.adapter(as: Counter.self)?.calls == ["connect"])
        #expect(second.adapter(as: Counter.self)?.calls == ["answer"])
    }

    @Test func `two clients with one set of handlers do not share a state`() throws {
        let configured = HandlerSet(adapter: Counter())
        var first = configured.unshared()
        var second = configured.unshared()
        _ = try first.connection?.handleConnect(self.info)
        _ = try first.auth?.handleResponse([:], now: 0)
        _ = try second.message?.handleMessage([:], on: self.stream)
        #expect(first.adapter(as: Counter.self)?.calls == ["connect", "answer"])
        #expect(second.adapter(as: Counter.self)?.calls == ["message"])
        #expect(configured.adapter(as: Counter.self)?.calls == [])
    }

    @Test(arguments: HandlerSlot.all)
    func `a set with a state of its own has the same handlers`(slot: HandlerSlot) {
        let adapted = HandlerSet(adapter: EveryHandler(tag: "one")).unshared()
        #expect(slot.get(adapted) is any AdapterHandler && adapted.adapter(as: EveryHandler.self)?.tag == "one")
        var plain = HandlerSet()
        slot.set(&plain, EveryHandler(tag: "two"))
        #expect((slot.get(plain.unshared()) as? EveryHandler)?.tag == "two")
        #expect(HandlerSet.standard.unshared().connection is DefaultConnectionHandler)
    }

    /// A bucket with as many tokens as are left, of which nobody who only asks may take one.
    struct Bucket: Adapter, RateLimitHandler {
        var left = 1

        mutating func check(_ request: RateLimitRequest, now: Duration) -> RateLimitDecision {
            guard self.left > 0 else { return .queue(.seconds(1)) }
            self.left -= 1
            return .allow
        }
    }

    @Test func `F73 an adapter's limiter is charged once for a request that waits behind another`() throws {
        var handlers = HandlerSet(adapter: Bucket(left: 0))
        var limiter: any RateLimitHandler = try #require(handlers.rateLimit)
        var queue = RateLimitQueue<Int>()
        #expect(try queue.submit(1, kind: "query", now: .zero, limiter: &limiter) == .queued(.seconds(1)))
        handlers.install(Bucket(left: 2))
        limiter = try #require(handlers.rateLimit)
        #expect(try queue.submit(2, kind: "query", now: .zero, limiter: &limiter) == .queued(.zero))
        #expect(handlers.adapter(as: Bucket.self)?.left == 2)
        #expect(queue.drain(now: .seconds(1), limiter: &limiter).items == [1, 2])
        #expect(handlers.adapter(as: Bucket.self)?.left == 0)
    }

    @Test func `an adapter that cannot be configured is no configuration`() {
        struct Wrong: Adapter {
            func configure(_ configuration: inout ClientConfiguration) throws { throw Failure() }
        }
        #expect(throws: Failure.self) { try ClientConfiguration.resolve(adapter: Wrong()) }
    }
}
