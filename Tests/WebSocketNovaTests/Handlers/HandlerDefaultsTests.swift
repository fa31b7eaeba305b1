import Testing
import WebSocketCore
import WebSocketNova

@Suite("What handlers do that say nothing")
struct HandlerDefaultsTests {
    private let stream = StreamRef(connection: ConnectionID(rawValue: 1), generation: 1)

    private func lost(_ code: WebSocketError.Code = .transportFailed) -> DisconnectReason {
        .failed(WebSocketError(code, "reset"))
    }

    @Test(
        arguments: [
            .text("{\"type\":\"ping\",\"a\":[1,2.5,null]}"), .text(" [1]"), .text("hello"), .text(""), .text("{"),
            .binary([0, 171]),
        ] as [WebSocketMessage]
    )
    func `F64 a message handler takes messages as the default one does`(message: WebSocketMessage) throws {
        var plain = EveryHandler()
        var standard = DefaultMessageHandler()
        let expected = Result { try standard.validate(message) }
        let value = Result { try plain.validate(message) }
        #expect((try? value.get()) == (try? expected.get()))
        guard let value = try? value.get() else { return }
        #expect((plain as any MessageHandler).type(of: value) == standard.type(of: value))
        #expect(try plain.handleMessage(value, on: self.stream) == .ok)
        #expect(try plain.encode(.json(value)) == standard.encode(.json(value)))
    }

    @Test func `F64 an error that a peer reports is the default handler's business alone`() throws {
        var handler = EveryHandler()
        #expect(try handler.handleMessage(["type": "error"], on: self.stream) == .ok)
    }

    @Test func `F70 an error handler classifies and retries as the default one does`() throws {
        var handler = EveryHandler()
        let standard = DefaultErrorHandler()
        for reason in [self.lost(), self.lost(.timedOut), self.lost(.invalidURL), self.lost(.invalidMessage), .local] {
            #expect(handler.classify(reason) == standard.classify(reason))
            #expect(handler.classify(reason) == ErrorClass.standard(for: reason))
        }
        for attempt in 1...5 {
            for _ in 0..<50 {
                let delay = try #require(try handler.reconnectionDelay(after: self.lost(), attempt: attempt))
                #expect((.zero ... .seconds(1 << (attempt - 1))).contains(delay))
            }
        }
        #expect(try handler.reconnectionDelay(after: self.lost(), attempt: 6) == nil)
        #expect(try handler.reconnectionDelay(after: .local, attempt: 1) == nil)
        #expect(handler.stabilityPeriod == .seconds(30))
        handler.resetReconnectionAttempts()
        let context = ErrorContext(connection: self.stream.connection)
        #expect(try handler.handleError(WebSocketError(.transportFailed, "reset"), context: context) == .ok)
    }

    @Test func `F70 an error handler that classifies for itself decides by that`() throws {
        struct Forgiving: ErrorHandler {
            func classify(_ reason: DisconnectReason) -> ErrorClass { .transient }
        }
        var handler = Forgiving()
        #expect(try handler.reconnectionDelay(after: self.lost(.invalidURL), attempt: 1) != nil)
    }

    @Test func `F72 a rate limiter allows`() throws {
        var handler = EveryHandler()
        for _ in 0..<1000 { #expect(try handler.check(RateLimitRequest(kind: "query"), now: .zero) == .allow) }
    }

    @Test func `F69 an auth handler does not authenticate on its own`() {
        #expect(EveryHandler().needsAuthentication(now: 0) == false)
        #expect(EveryHandler().refreshTime == nil)
    }

    @Test func `F61 a connection handler leaves everything to the connection`() throws {
        var handler = EveryHandler()
        #expect(try handler.handleDisconnect(.local) == .ok && handler.handleTimeout() == .ok)
        #expect(try handler.handleFrame(.ping(), on: self.stream) == .ok && handler.status() == .null)
        #expect(!handler.wantsFrames)
    }
}
