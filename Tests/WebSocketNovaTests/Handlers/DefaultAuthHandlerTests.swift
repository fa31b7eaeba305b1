import Testing
import WebSocketCore
import WebSocketNova

@Suite("The default auth handler")
struct DefaultAuthHandlerTests {
    private static let now = 1_700_000_000.75

    private func members(_ message: OutgoingMessage) -> [String: JSONValue]? {
        guard case .json(let value) = message else { return nil }
        return value.object
    }

    @Test func `F68 the signature is that of OpenSSL`() throws {
        var handler = DefaultAuthHandler(.key("my-key", secret: "my-secret"))
        let request = self.members(try handler.authenticationRequest(now: Self.now))
        // printf my-key1700000000 | openssl dgst -sha256 -hmac my-secret
        #expect(
            request == [
                "type": "auth", "timestamp": 1_700_000_000, "api_key": "my-key",
                "signature": "104625b00cdebfca89163f5e4651e9f14cb909b8943fac9188b54797f3567586",
            ]
        )
    }

    @Test func `F68 a token comes before a key`() throws {
        var handler = try DefaultAuthHandler(options: ["api_key": "k", "secret": "s", "token": "t"])
        let request = self.members(try handler.authenticationRequest(now: Self.now))
        #expect(request == ["type": "auth", "timestamp": 1_700_000_000, "token": "t"])
    }

    @Test(
        arguments: [[:], ["api_key": "k"], ["secret": "s"], ["api_key": "", "secret": "s"], ["token": ""]]
            as [HandlerOptions]
    )
    func `F68 without credentials there is an error`(options: HandlerOptions) throws {
        var handler = try DefaultAuthHandler(options: options)
        let error = #expect(throws: WebSocketError.self) { try handler.authenticationRequest(now: Self.now) }
        #expect(error?.code == .missingCredentials)
    }

    @Test(
        arguments: [
            (["type": "auth_success", "expires_at": 1_700_000_500], 1_700_000_500),
            (["type": "auth_success", "expires_in": 100], now + 100),
            (["type": "auth_success"], now + 3600),
        ] as [(JSONValue, Double)]
    )
    func `F68 the end of an authentication`(answer: JSONValue, expiry: Double) throws {
        var handler = DefaultAuthHandler(.token("t"))
        #expect(try handler.handleResponse(answer, now: Self.now) == .authenticated)
        #expect(handler.status == .authenticated && handler.expiry == expiry)
        #expect(handler.refreshTime == expiry - 60)
    }

    @Test func `F69 authentication is needed again from a minute before its end`() throws {
        var handler = DefaultAuthHandler(.token("t"))
        #expect(!handler.needsAuthentication(now: Self.now))
        _ = try handler.handleResponse(["type": "auth_success", "expires_in": 100], now: Self.now)
        #expect(!handler.needsAuthentication(now: Self.now + 40))
        #expect(handler.needsAuthentication(now: Self.now + 40.001))
    }

    @Test func `F69 after a refusal authentication is needed`() throws {
        var handler = DefaultAuthHandler(.token("t"))
        #expect(
            try handler.handleResponse(["type": "auth_error", "reason": "expired"], now: 0)
                == .refused(reason: "expired")
        )
        #expect(handler.status == .failed && handler.needsAuthentication(now: 0))
        #expect(try handler.handleResponse(["type": "auth_error", "message": "no"], now: 0) == .refused(reason: "no"))
        #expect(try handler.handleResponse(["type": "data"], now: 0) == .unrelated)
    }

    @Test func `the service's token is used while it is valid, then the key again`() throws {
        var handler = DefaultAuthHandler(.key("k", secret: "s"))
        _ = try handler.handleResponse(["type": "auth_success", "expires_in": 100, "token": "given"], now: 0)
        #expect(self.members(try handler.authenticationRequest(now: 99))?["token"] == "given")
        let later = self.members(try handler.authenticationRequest(now: 100))
        #expect(later?["token"] == nil && later?["api_key"] == "k")
    }

    @Test func `nothing that is printed shows a secret`() throws {
        let handler = try DefaultAuthHandler(options: ["api_key": "k", "secret": "s3cret", "token": "t0ken"])
        var text = "\(handler)" + String(reflecting: handler)
        dump(handler, to: &text)
        #expect(!text.contains("s3cret") && !text.contains("t0ken"))
    }
}
