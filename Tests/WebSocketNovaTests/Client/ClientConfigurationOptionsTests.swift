import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("The options of a connection in a client's configuration")
struct ClientConfigurationOptionsTests {
    private static func configuration(_ url: String = "wss://user:p%40ss@old.example:8443/old?q=1")
        -> ClientConfiguration
    {
        ClientConfiguration(url: url)
    }

    private func backoff(_ configuration: ClientConfiguration) -> Backoff? {
        (configuration.handlers.error as? DefaultErrorHandler)?.backoff
    }

    @Test(
        arguments: [
            ("", ["host": "a.example"], "wss://a.example/ws"),
            ("", ["host": "a.example", "transport": "tcp", "port": 81, "path": "x?y=1"], "ws://a.example:81/x?y=1"),
            ("", ["host": "::1", "port": 9], "wss://[::1]:9/ws"),
            ("", ["host": "[::1]"], "wss://[::1]/ws"),
            ("", ["host": "fe80::1%eth0", "transport": "tcp"], "ws://[fe80::1%25eth0]/ws"),
            ("ws://[fe80::1%25eth0]:81/a", ["path": "/b"], "ws://[fe80::1%25eth0]:81/b"),
            ("wss://old.example/a?q=1", ["host": "new.example"], "wss://new.example/a?q=1"),
            ("wss://old.example:8443/a", ["host": "new.example"], "wss://new.example:8443/a"),
            ("wss://old.example/a", ["port": 444], "wss://old.example:444/a"),
            ("wss://old.example/a", ["transport": "tcp"], "ws://old.example/a"),
            ("wss://old.example:8443/a", ["transport": "tcp"], "ws://old.example:8443/a"),
            ("wss://u:p%40ss@old.example/a", ["path": "/b"], "wss://u:p%40ss@old.example/b"),
            ("wss://old.example/a?q=1", ["retry": 3], "wss://old.example/a?q=1"),
            ("ws+unix:/run/a.sock:/x", ["path": "/y", "transport": "tls"], "wss+unix:/run/a.sock:/y"),
            ("ws+unix:/run/a.sock:/x", ["host": "a.example"], "ws://a.example/x"),
        ] as [(String, [String: JSONValue], String)]
    )
    func `F22 host, port, transport and path are parts of the URL`(
        url: String,
        table: [String: JSONValue],
        result: String
    ) throws {
        var configuration = ClientConfiguration(url: url)
        try configuration.apply(table)
        #expect(configuration.url == result)
    }

    @Test(
        arguments: [
            ("", ["path": "/x"], "path"), ("", ["port": 9], "port"), ("", ["transport": "tls"], "transport"),
            ("", ["host": "a b"], "host"), ("", ["host": "a.example/x"], "host"), ("", ["host": "u@a.example"], "host"),
            ("", ["host": "a.example:99"], "host"), ("", ["host": "a.example?x"], "host"),
            ("", ["host": "a.example#x"], "host"), ("", ["host": "[::1"], "host"), ("", ["host": "a\r\nb"], "host"),
            ("", ["host": "127.1"], "host"),
            ("wss://a.example/", ["path": "/a b"], "path"), ("wss://a.example/", ["path": "/a#b"], "path"),
            ("http://a.example/", ["path": "/a"], "path"),
            ("ws+unix:/run/a.sock", ["port": 9], "port"),
        ] as [(String, [String: JSONValue], String)]
    )
    func `F22 what makes no URL is refused by the option's name`(
        url: String,
        table: [String: JSONValue],
        name: String
    ) {
        var configuration = ClientConfiguration(url: url)
        let error = #expect(throws: WebSocketError.self) { try configuration.apply(table) }
        #expect(error?.code == .invalidConfiguration && error?.message.contains("\"\(name)\"") == true)
        #expect(configuration.url == url)
    }

    @Test func `a URL's credentials are not in the refusal`() {
        var configuration = Self.configuration()
        let error = #expect(throws: WebSocketError.self) { try configuration.apply(["path": "/a b?secret"]) }
        #expect(error.map { $0.description.contains("p@ss") || $0.description.contains("p%40ss") } == false)
        #expect(error?.description.contains("secret") == false)
    }

    @Test func `F22 the offer: subprotocols and compression, each by itself`() throws {
        var configuration = Self.configuration()
        try configuration.apply(["ws_opts": ["compress": true]])
        #expect(configuration.webSocket.compression == CompressionConfiguration())
        try configuration.apply(["ws_opts": ["subprotocols": ["a", "b"]]])
        #expect(configuration.webSocket.subprotocols == ["a", "b"] && configuration.webSocket.compression != nil)
        var other = CompressionConfiguration()
        other.threshold = 7
        configuration.webSocket.compression = other
        try configuration.apply(["ws_opts": ["compress": true]])
        #expect(configuration.webSocket.compression == other)
        try configuration.apply(["ws_opts": ["compress": false]])
        #expect(configuration.webSocket.compression == nil && configuration.webSocket.subprotocols == ["a", "b"])
    }

    @Test func `F22 how the transport is opened: time and verification, each by itself`() throws {
        var configuration = Self.configuration()
        try configuration.apply(["transport_opts": ["timeout": 1500], "protocols": ["http"]])
        #expect(configuration.webSocket.deadlines.open == .milliseconds(1500))
        #expect(configuration.webSocket.tls.certificateVerification == .full)
        try configuration.apply(["transport_opts": ["verify": false]])
        #expect(configuration.webSocket.tls.certificateVerification == .none)
        #expect(configuration.webSocket.deadlines.open == .milliseconds(1500))
    }

    @Test func `W5 retry, back-off and its base reach the error handler, each by itself`() throws {
        var configuration = Self.configuration()
        try configuration.apply(["retry": 7])
        #expect(self.backoff(configuration) == Backoff(limit: .limit(7)))
        try configuration.apply(["base_backoff": 250])
        #expect(self.backoff(configuration) == Backoff(base: .milliseconds(250), limit: .limit(7)))
        for (name, growth) in [
            ("linear", Backoff.Growth.linear), ("exponential", .exponential), ("jittered", .jittered),
            ("full_jitter", .fullJitter),
        ] {
            try configuration.apply(["backoff_type": .string(name)])
            #expect(self.backoff(configuration)?.growth == growth)
        }
        try configuration.apply(["retry": "infinity", "base_backoff": 60_000])
        #expect(self.backoff(configuration)?.limit == .unlimited)
        #expect(self.backoff(configuration)?.maximum == .seconds(60))
    }

    @Test func `W5 a limit of the connection handler's does not come before retry`() throws {
        var configuration = Self.configuration()
        configuration.handlers.connection = DefaultConnectionHandler()
        try configuration.apply(["path": "/x"])
        #expect((configuration.handlers.connection as? DefaultConnectionHandler)?.maximumReconnectAttempts == 5)
        try configuration.apply(["retry": "infinity"])
        #expect((configuration.handlers.connection as? DefaultConnectionHandler)?.maximumReconnectAttempts == nil)
    }

    @Test(arguments: [("retry", 3), ("backoff_type", "linear"), ("base_backoff", 5)] as [(String, JSONValue)])
    func `a policy of its own refuses the options for another`(name: String, value: JSONValue) {
        for handler in [EveryHandler(), nil] as [EveryHandler?] {
            var configuration = Self.configuration()
            configuration.handlers.error = handler
            let error = #expect(throws: WebSocketError.self) { try configuration.apply(["path": "/", name: value]) }
            #expect(error?.code == .invalidConfiguration && error?.message.contains("\"\(name)\"") == true)
            #expect(configuration.url == Self.configuration().url, "nothing is set")
        }
    }

    @Test func `F28 headers take the place of those of their names, with credentials`() throws {
        var configuration = Self.configuration()
        configuration.webSocket.headers = ["X-One": "1", "x-two": "2", "X-Two": "2b"]
        try configuration.apply(["headers": ["X-Two": "new", "Authorization": "Bearer s3cret"]])
        #expect(configuration.webSocket.headers[values: "x-two"] == ["new"])
        #expect(configuration.webSocket.headers["X-One"] == "1")
        #expect(configuration.webSocket.headers["Authorization"] == "Bearer s3cret")
        #expect(try configuration.connectionOptions().headers["Authorization"] == nil)
    }

    @Test func `F72 the rate limiter by name`() throws {
        var configuration = Self.configuration()
        try configuration.apply(["rate_limiter": "token_bucket"])
        #expect(configuration.handlers.rateLimit is DefaultRateLimitHandler)
        configuration.handlers.rateLimit = EveryHandler(tag: "mine")
        try configuration.apply(["rate_limiter": "token_bucket"])
        #expect((configuration.handlers.rateLimit as? EveryHandler)?.tag == "mine")
        try configuration.apply(["rate_limiter": "none"])
        #expect(configuration.handlers.rateLimit == nil)
        let error = #expect(throws: WebSocketError.self) { try configuration.apply(["rate_limiter": "global"]) }
        #expect(error?.message.contains("\"rate_limiter\"") == true && error?.message.contains("global") == true)
    }

    @Test func `F04 a listener is added once, and not by name`() throws {
        let listener = EventListener { _ in }
        var options = ConnectionOptions()
        options.listener = listener
        var configuration = Self.configuration()
        try configuration.apply(options)
        try configuration.apply(options)
        #expect(configuration.listeners == [listener])
        let error = #expect(throws: WebSocketError.self) { try configuration.apply(["callback": "me"]) }
        #expect(error?.message.contains("\"callback\"") == true)
    }

    @Test(
        arguments: [("protocols", ["h2"]), ("retry", -1), ("port", 0), ("transport_opts", ["timeout": 0])]
            as [(String, JSONValue)]
    )
    func `F22 bad values are refused by name, and nothing is set`(name: String, value: JSONValue) {
        var configuration = Self.configuration()
        let error = #expect(throws: WebSocketError.self) { try configuration.apply(["path": "/new", name: value]) }
        #expect(error?.code == .invalidConfiguration && error?.message.contains("\"\(name)\"") == true)
        #expect(configuration.url == Self.configuration().url)
    }

    @Test func `F22 bad values of options that were made in code are refused by name`() {
        func refusal(_ change: (inout ConnectionOptions) -> Void) -> String {
            var options = ConnectionOptions()
            change(&options)
            var configuration = Self.configuration()
            let error = #expect(throws: WebSocketError.self) { try configuration.apply(options) }
            return error?.message ?? ""
        }
        #expect(refusal { $0.protocols = ["h2"] }.contains("\"protocols\""))
        #expect(refusal { $0.retry = .limit(-1) }.contains("\"retry\""))
        #expect(refusal { $0.baseBackoff = .seconds(-1) }.contains("\"base_backoff\""))
        #expect(refusal { $0.transportOptions.timeout = .zero }.contains("\"transport_opts\""))
        #expect(refusal { $0.host = "a/b" }.contains("\"host\""))
        #expect(refusal { $0.rateLimiter = "odd" }.contains("\"rate_limiter\""))
    }

    @Test func `whole options go with a policy of the handler's own if they say nothing of one`() throws {
        var configuration = Self.configuration()
        configuration.handlers.error = EveryHandler()
        var options = ConnectionOptions()
        options.path = "/new"
        try configuration.apply(options)
        #expect(configuration.url == "wss://user:p%40ss@old.example:8443/new")
        options.retry = .limit(1)
        #expect(throws: WebSocketError.self) { try configuration.apply(options) }
    }

    @Test func `all thirteen options come back out as they went in`() throws {
        let listener = EventListener { _ in }
        var options = ConnectionOptions()
        options.host = "a.example"
        options.port = 9443
        options.transport = .tcp
        options.path = "/x?y=1"
        options.webSocketOptions = .init(subprotocols: ["a"], compresses: true)
        options.transportOptions = .init(timeout: .seconds(3), verifiesPeer: false)
        options.retry = .unlimited
        options.backoff = .jittered
        options.baseBackoff = .milliseconds(20)
        options.listener = listener
        options.setHeaders(["X-One": "1", "X-One": "2"])
        options.rateLimiter = "token_bucket"
        var configuration = ClientConfiguration()
        try configuration.apply(options)
        #expect(try configuration.connectionOptions() == options)
        try configuration.apply(try configuration.connectionOptions())
        #expect(try configuration.connectionOptions() == options)
    }

    @Test func `F01 what a connection's state begins with`() throws {
        let options = try ClientConfiguration(url: "wss://a.example/feed?x=1").connectionOptions()
        #expect(options.host == "a.example" && options.port == 443 && options.transport == .tls)
        #expect(options.path == "/feed?x=1" && options.retry == .limit(5) && options.backoff == .fullJitter)
        let unix = try ClientConfiguration(url: "ws+unix:/run/a.sock:/feed").connectionOptions()
        #expect(unix.host == "localhost" && unix.port == 80 && unix.transport == .tcp && unix.path == "/feed")
        let error = #expect(throws: WebSocketError.self) { try ClientConfiguration().connectionOptions() }
        #expect(error?.code == .invalidURL)
    }
}
