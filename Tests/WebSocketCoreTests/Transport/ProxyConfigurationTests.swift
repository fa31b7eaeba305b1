import Testing

@testable import WebSocketCore

@Suite("Which proxy")
struct ProxyConfigurationTests {
    private func server(
        _ configuration: ProxyConfiguration,
        _ url: String = "ws://example.com/",
        _ environment: [String: String] = [:]
    ) throws -> ProxyServer? {
        try configuration.server(for: WebSocketURL(url)) { environment[$0] }
    }

    private func message(_ configuration: ProxyConfiguration) -> String? {
        do {
            try configuration.validate()
            return nil
        } catch {
            #expect(error.code == .invalidConfiguration)
            return error.message
        }
    }

    @Test func `none, whatever the environment says`() throws {
        let environment = ["http_proxy": "http://p:1", "all_proxy": "http://p:1"]
        #expect(try self.server(.none, "ws://example.com/", environment) == nil)
    }

    @Test(arguments: [
        ("http://proxy:3128", "proxy", 3128), ("proxy:3128", "proxy", 3128), ("HTTP://Proxy:3128/", "proxy", 3128),
        // curl's default port, not that of http.
        ("http://proxy", "proxy", 1080), ("proxy", "proxy", 1080), ("http://proxy:", "proxy", 1080),
        ("http://[::1]:8080", "::1", 8080), ("[2001:db8::1]", "2001:db8::1", 1080), ("127.0.0.1:80", "127.0.0.1", 80),
        ("http://proxy:8080/path?query#fragment", "proxy", 8080), ("http://under_score:1", "under_score", 1),
    ])
    func `a URL as curl reads it`(text: String, host: String, port: UInt16) throws {
        let server = try #require(try self.server(.url(text)))
        #expect(server == ProxyServer(endpoint: Endpoint(host: host, port: port)))
    }

    @Test(arguments: [
        ("http://me:secret@p:1", "bWU6c2VjcmV0"), ("me:secret@p:1", "bWU6c2VjcmV0"), ("http://me@p:1", "bWU6"),
        ("http://:secret@p:1", "OnNlY3JldA=="), ("http://me:@p:1", "bWU6"),
        // A second colon belongs to the password, as all but the last '@' do.
        ("http://me:a:b@p:1", "bWU6YTpi"), ("http://me:a@b@p:1", "bWU6YUBi"),
        // %40 is '@', %2F '/', %C3%A9 'é'; what is no escape stands for itself.
        ("http://m%40e:%2F%C3%A9@p:1", "bUBlOi/DqQ=="), ("http://me:100%@p:1", "bWU6MTAwJQ=="),
        ("http://me:%zz^\\@p:1", "bWU6JXp6Xlw="),
    ])
    func `user and password of a URL`(text: String, encoded: String) throws {
        let server = try #require(try self.server(.url(text)))
        #expect(server == ProxyServer(endpoint: Endpoint(host: "p", port: 1), authorization: "Basic \(encoded)"))
    }

    @Test(arguments: [
        ("", "no host"), ("http://", "no host"), ("http://:80", "no host"), ("http://p:0", "port"),
        ("http://p:65536", "port"), ("http://p:x", "port"), ("http://p x:1", "a space"), ("http://[::1:80", "bracket"),
        ("http://[::g]:80", "IPv6"), ("http://é:1", "ASCII"), ("ftp://p:1", "\"ftp\""), ("://p:1", "\"\""),
        ("https://p:1", "TLS"), ("socks5://p:1", "SOCKS"), ("SOCKS5H://p:1", "SOCKS"), ("socks4a://p", "SOCKS"),
        ("socks://p", "SOCKS"), ("http://p:1\r\nX: y", "CR"), ("http://p\0:1", "NUL"),
    ])
    func `a URL that names no usable proxy`(text: String, words: String) {
        #expect(self.message(.url(text))?.contains(words) == true, "\(String(describing: self.message(.url(text))))")
    }

    @Test(arguments: [
        "http://user:hunter2/x@p:1", "http://user:hunter2?x@p:1", "http://user:hunter2#x@p:1",
        "socks5://user:hunter2@p:1",
        "http://user:hunter2@p:port", "http://us%3Aer:hunter2@p:1", "http://user:hunter2%0D%0AX@p:1",
        "http://user:hunter2%FF@p:1", "http://user:hunter2@", "user:hunter2@p x", "gopher://user:hunter2@p",
    ])
    func `no message tells a secret`(text: String) throws {
        let message = try #require(self.message(.url(text)))
        #expect(!message.contains("hunter2") && !message.contains("user:"), "\(message)")
    }

    @Test func `host, port and credentials`() throws {
        let credentials = ProxyConfiguration.Credentials(user: "é", password: "a:b")
        let server = try self.server(.http(host: "::1", port: 8080, credentials: credentials))
        #expect(server?.endpoint == Endpoint(host: "::1", port: 8080))
        #expect(server?.authorization == "Basic w6k6YTpi")
        #expect(try self.server(.http(host: "[::1]", port: 1))?.endpoint.host == "::1")
        for (host, port) in [("", 1), ("p", 0), ("p", 65_536), ("p", -1), ("p/x", 1), ("u@p", 1), ("p:1", 1)] {
            #expect(self.message(.http(host: host, port: port)) != nil, "\(host) \(port)")
        }
        for credentials in [
            ProxyConfiguration.Credentials(user: "a:b", password: "c"), .init(user: "a\r\nX: y", password: "c"),
            .init(user: "a", password: "c\0"),
        ] {
            #expect(self.message(.http(host: "p", port: 1, credentials: credentials)) != nil)
        }
    }

    @Test func `no description shows credentials`() throws {
        let credentials = ProxyConfiguration.Credentials(user: "user", password: "hunter2")
        let configurations: [ProxyConfiguration] = [
            .http(host: "p", port: 1, credentials: credentials), .url("http://user:hunter2@p:1"),
            .url("ftp://user:hunter2@p:1"),
        ]
        for configuration in configurations {
            let server = try? self.server(configuration)
            var dumped = ""
            dump((configuration, credentials, server), to: &dumped)
            let texts = [
                "\(configuration)", "\([configuration])", "\(credentials)", "\(String(describing: server))", dumped,
            ]
            for text in texts { #expect(!text.contains("user") && !text.contains("hunter2"), "\(text)") }
        }
        #expect("\(configurations[0])" == "http://p:1")
        #expect("\(ProxyConfiguration.environment)" == "environment")
        #expect("\(ProxyConfiguration.none)" == "none")
    }
}
