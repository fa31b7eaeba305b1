import Testing

@testable import WebSocketCore

@Suite("The environment's proxy")
struct ProxyEnvironmentTests {
    /// The host of the proxy for a URL; nil if there is none.
    private func proxy(_ url: String, _ environment: [String: String]) throws -> String? {
        let configuration = ProxyConfiguration.environment
        return try configuration.server(for: WebSocketURL(url)) { environment[$0] }?.endpoint.host
    }

    @Test(arguments: [
        ([:], nil, nil),
        (["http_proxy": "a"], "a", nil), (["https_proxy": "a"], nil, "a"), (["HTTPS_PROXY": "a"], nil, "a"),
        // Any client of a CGI server sets it.
        (["HTTP_PROXY": "a"], nil, nil),
        (["all_proxy": "a"], "a", "a"), (["ALL_PROXY": "a"], "a", "a"),
        (["http_proxy": "a", "https_proxy": "b", "all_proxy": "c"], "a", "b"),
        (["https_proxy": "a", "HTTPS_PROXY": "b"], nil, "a"), (["all_proxy": "a", "ALL_PROXY": "b"], "a", "a"),
        (["ws_proxy": "a", "http_proxy": "b", "wss_proxy": "c", "https_proxy": "d"], "a", "c"),
        (["WS_PROXY": "a", "http_proxy": "b", "WSS_PROXY": "c", "https_proxy": "d"], "a", "c"),
        // An empty variable is none.
        (["http_proxy": "", "https_proxy": "", "all_proxy": "c"], "c", "c"),
        (["http_proxy": "", "all_proxy": ""], nil, nil),
    ])
    func `which variable counts`(environment: [String: String], plain: String?, secure: String?) throws {
        #expect(try self.proxy("ws://example.com/", environment) == plain)
        #expect(try self.proxy("wss://example.com/", environment) == secure)
    }

    @Test func `a value that cannot be used is told with its variable, and without its secrets`() {
        let environment = ["wss_proxy": "socks5://user:hunter2@p"]
        let error = #expect(throws: WebSocketError.self) { try self.proxy("wss://example.com/", environment) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("wss_proxy") == true)
        #expect(error?.message.contains("hunter2") == false)
        // Nobody is asked to go that way.
        #expect(throws: Never.self) { try self.proxy("ws://example.com/", environment) }
        #expect(throws: Never.self) {
            try self.proxy("wss://example.com/", ["wss_proxy": "socks5://p", "no_proxy": "example.com"])
        }
    }

    @Test(arguments: [
        // Names: themselves and what is below them.
        ("example.com", "example.com", true), ("example.com", "www.example.com", true),
        ("example.com", "a.b.example.com", true), ("hub.com", "github.com", false),
        ("example.com", "example.co", false),
        ("www.example.com", "example.com", false), ("EXAMPLE.com", "www.Example.COM", true),
        (".example.com", "example.com", true), (".example.com", "www.example.com", true),
        (".hub.com", "github.com", false), ("example.com.", "example.com", true), ("example.com", "example.com.", true),
        (".", "example.com", false), ("com", "example.com", true), ("localhost", "localhost", true),
        // Lists.
        ("a.com,example.com", "example.com", true), ("a.com, example.com", "example.com", true),
        ("a.com example.com", "example.com", true), (" ,, example.com ,", "example.com", true),
        (",", "example.com", false),
        ("*", "example.com", true), (" * ", "example.com", true), ("*.example.com", "www.example.com", false),
        // Only alone, as in curl.
        ("a.com,*", "example.com", false),
        // Ports.
        ("example.com:8080", "example.com:8080", true), ("example.com:8080", "www.example.com:8080", true),
        ("example.com:8080", "example.com", false), ("example.com:80", "example.com", true),
        ("example.com:x", "example.com", false), ("example.com:", "example.com", false),
        // IPv4.
        ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false), ("127.0.0.1:80", "127.0.0.1", true),
        ("127.0.0.1:81", "127.0.0.1", false), ("0.0.1", "127.0.0.1", false), ("1", "127.0.0.1", false),
        ("10.0.0.0/8", "10.200.3.4", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.1.2.3/8", "10.9.9.9", true),
        ("192.168.1.0/25", "192.168.1.127", true), ("192.168.1.0/25", "192.168.1.128", false),
        ("192.168.1.7/32", "192.168.1.7", true), ("192.168.1.7/32", "192.168.1.6", false),
        ("192.168.1.7/33", "192.168.1.7", false), ("10.0.0.0/x", "10.0.0.0", false), ("10.0.0.0/", "10.0.0.0", false),
        ("10.0.0.0/+8", "10.0.0.1", false), ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "[::1]", false),
        ("10.0.0.0/8", "10.example.com", false),
        // IPv6, in any spelling, with and without brackets.
        ("::1", "[::1]", true), ("[::1]", "[::1]", true), ("0:0:0:0:0:0:0:1", "[::1]", true),
        ("[::1]:80", "[::1]", true), ("[::1]:81", "[::1]", false), ("::2", "[::1]", false),
        ("FD00::/8", "[fd12:3456::1]", true), ("fd00::/8", "[fe00::1]", false), ("[fd00::]/8", "[fd12::1]", true),
        ("2001:db8::/33", "[2001:db8:7fff::]", true), ("2001:db8::/33", "[2001:db8:8000::]", false),
        ("::1/129", "[::1]", false), ("[::1", "[::1]", false),
    ])
    func `no_proxy`(list: String, host: String, isDirect: Bool) throws {
        let proxy = try self.proxy("ws://\(host)/", ["http_proxy": "p", "no_proxy": list])
        #expect((proxy == nil) == isDirect)
        let upper = try self.proxy(
            "wss://\(host.hasSuffix("]") ? host + ":80" : host)",
            [
                "https_proxy": "p", "NO_PROXY": list,
            ]
        )
        // The default port of wss is another one.
        if !list.contains(":80") { #expect((upper == nil) == isDirect) }
    }

    @Test func `the lower-case list comes first`() throws {
        let environment = ["http_proxy": "p", "no_proxy": "a.com", "NO_PROXY": "example.com"]
        #expect(try self.proxy("ws://example.com/", environment) == "p")
        #expect(try self.proxy("ws://a.com/", environment) == nil)
    }
}
