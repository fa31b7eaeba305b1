import TestSupport
import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("The default error handler")
struct DefaultErrorHandlerTests {
    private func refusal(_ status: Int, _ headers: HTTPFields = [:]) -> DisconnectReason {
        let handshake = WebSocketError.Handshake(status: status, headers: headers, bodyPrefix: [])
        return .failed(WebSocketError(.upgradeRefused, "refused", handshake: handshake))
    }

    private func closed(_ code: UInt16) -> DisconnectReason {
        .closed(WebSocketCloseInfo(code: WebSocketCloseCode(rawValue: code), initiator: .peer, wasClean: true))
    }

    @Test(
        arguments: [
            (1000, false), (1001, true), (1002, false), (1003, false), (1005, true), (1006, true), (1007, false),
            (1008, false), (1009, false), (1010, false), (1011, true), (1012, true), (1013, true), (1014, true),
            (3000, false), (3003, false), (3008, true), (4000, true), (4999, true),
        ] as [(UInt16, Bool)]
    )
    func `F53 close codes of policy are not tried again, others are`(code: UInt16, isTriedAgain: Bool) throws {
        var handler = DefaultErrorHandler()
        #expect((try handler.reconnectionDelay(after: self.closed(code), attempt: 1) != nil) == isTriedAgain)
    }

    @Test(arguments: [
        (200, false), (301, false), (400, false), (401, false), (403, false), (404, false), (407, false), (408, true),
        (425, true), (426, false), (429, true), (500, true), (502, true), (503, true),
    ])
    func `F70 HTTP statuses that pass are tried again, others are not`(status: Int, isTriedAgain: Bool) throws {
        var handler = DefaultErrorHandler()
        #expect((try handler.reconnectionDelay(after: self.refusal(status), attempt: 1) != nil) == isTriedAgain)
    }

    @Test(
        arguments: [
            (.resolveFailed, .transient), (.connectFailed, .transient), (.timedOut, .transient),
            (.transportFailed, .transient), (.resourceExhausted, .transient), (.tlsFailed, .critical),
            (.invalidURL, .critical), (.invalidUpgradeResponse, .critical), (.protocolViolation, .critical),
            (.authenticationFailed, .critical), (.loopShutDown, .critical), (.invalidMessage, .normal),
            (.messageTooLarge, .normal),
        ] as [(WebSocketError.Code, ErrorClass)]
    )
    func `F70 classes of errors`(code: WebSocketError.Code, expected: ErrorClass) {
        #expect(DefaultErrorHandler().classify(.failed(WebSocketError(code, ""))) == expected)
    }

    @Test func `F70 a local close is never followed by an attempt`() throws {
        var handler = DefaultErrorHandler()
        #expect(try handler.reconnectionDelay(after: .local, attempt: 1) == nil)
    }

    @Test func `F70 delays grow within their bounds and end after five attempts`() throws {
        for seed in 0..<50 as Range<UInt64> {
            var handler = DefaultErrorHandler(backoff: Backoff(), random: SeededGenerator(seed: seed))
            for attempt in 1...5 {
                let delay = try handler.reconnectionDelay(after: self.closed(1006), attempt: attempt)
                let bound = Duration.seconds(min(30, 1 << (attempt - 1)))
                #expect(delay.map { (.zero...bound).contains($0) } == true, "seed \(seed), attempt \(attempt)")
            }
            #expect(try handler.reconnectionDelay(after: self.closed(1006), attempt: 6) == nil)
        }
    }

    @Test func `Retry-After is waited for, up to a limit`() throws {
        var handler = DefaultErrorHandler()
        #expect(
            try handler.reconnectionDelay(after: self.refusal(503, ["Retry-After": "120"]), attempt: 1) == .seconds(120)
        )
        let long = try handler.reconnectionDelay(after: self.refusal(503, ["Retry-After": "86400"]), attempt: 1)
        #expect(long == handler.maximumRetryAfter)
        let short = try handler.reconnectionDelay(after: self.refusal(429, ["Retry-After": "0"]), attempt: 1)
        #expect(short.map { $0 <= .seconds(1) } == true)
    }

    @Test func `losses are counted until they are reset`() throws {
        var handler = DefaultErrorHandler()
        for _ in 0..<3 { _ = try handler.reconnectionDelay(after: self.closed(1006), attempt: 1) }
        #expect(handler.losses == 3)
        handler.resetReconnectionAttempts()
        #expect(handler.losses == 0)
    }

    @Test func `options set the delays, bad ones are refused by name`() throws {
        let handler = try DefaultErrorHandler(options: ["max_attempts": 2, "base_delay": 10, "max_delay": 40])
        #expect(handler.backoff.limit == .limit(2))
        #expect(handler.backoff.base == .milliseconds(10) && handler.backoff.maximum == .milliseconds(40))
        #expect(throws: WebSocketError.self) { try DefaultErrorHandler(options: ["max_attempts": -1]) }
    }
}
