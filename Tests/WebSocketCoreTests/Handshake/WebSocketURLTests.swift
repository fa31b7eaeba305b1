import Testing
import WebSocketCore

@Suite struct WebSocketURLTests {
    struct Good: CustomTestStringConvertible {
        var text: String
        var isSecure = false
        var host = "example.com"
        var port: UInt16 = 80
        var target = "/"
        var hostHeader = "example.com"
        var testDescription: String { self.text }
    }

    @Test(arguments: [
        Good(text: "ws://example.com"),
        Good(text: "ws://example.com/"),
        Good(text: "WS://EXAMPLE.com/Path", target: "/Path"),
        Good(text: "wss://example.com", isSecure: true, port: 443),
        Good(text: "WsS://example.com:443/x", isSecure: true, port: 443, target: "/x"),
        Good(text: "wss://example.com:80/", isSecure: true, hostHeader: "example.com:80"),
        Good(text: "ws://example.com:443/", port: 443, hostHeader: "example.com:443"),
        Good(text: "ws://example.com:80/"),
        Good(text: "ws://example.com:/"),
        Good(text: "ws://example.com:00080/"),
        Good(text: "ws://example.com:1/", port: 1, hostHeader: "example.com:1"),
        Good(text: "ws://example.com:65535", port: 65535, hostHeader: "example.com:65535"),
        Good(text: "ws://example.com?q=1", target: "/?q=1"),
        Good(text: "ws://example.com?", target: "/?"),
        Good(text: "ws://example.com/a?b?c/d", target: "/a?b?c/d"),
        Good(text: "ws://example.com//a/../b/./", target: "//a/../b/./"),
        Good(text: "ws://example.com/%7e%2F%zz?%20+&=", target: "/%7e%2F%zz?%20+&="),
        Good(text: "ws://example.com/s?streams=a@trade|b@trade", target: "/s?streams=a@trade|b@trade"),
        Good(text: "ws://127.0.0.1:9001/x", host: "127.0.0.1", port: 9001, target: "/x", hostHeader: "127.0.0.1:9001"),
        Good(text: "ws://[::1]:8080/", host: "::1", port: 8080, hostHeader: "[::1]:8080"),
        Good(text: "wss://[2001:DB8::A]/", isSecure: true, host: "2001:db8::a", port: 443, hostHeader: "[2001:db8::a]"),
        Good(text: "ws://[::ffff:10.0.0.1]?x", host: "::ffff:10.0.0.1", target: "/?x", hostHeader: "[::ffff:10.0.0.1]"),
        Good(text: "ws://example.com./", host: "example.com.", hostHeader: "example.com."),
        Good(text: "ws://xn--bcher-kva.example/", host: "xn--bcher-kva.example", hostHeader: "xn--bcher-kva.example"),
        Good(text: "ws://my_service.local/", host: "my_service.local", hostHeader: "my_service.local"),
        Good(text: "ws://1.2.3.4.example/", host: "1.2.3.4.example", hostHeader: "1.2.3.4.example"),
        Good(text: "ws://0xyz/", host: "0xyz", hostHeader: "0xyz"),
    ])
    func reads(good: Good) throws {
        let url = try WebSocketURL(good.text)
        #expect(url.isSecure == good.isSecure)
        #expect(url.host == good.host)
        #expect(url.port == good.port)
        #expect(url.target == good.target)
        #expect(url.hostHeader == good.hostHeader)
        #expect(url.credentials == nil)
        #expect(url.endpoint == Endpoint(host: good.host, port: good.port))
    }

    @Test(arguments: [
        ("", "not absolute"),
        ("example.com", "not absolute"),
        ("/path", "not absolute"),
        ("ws:example.com", "not absolute"),
        ("ws:/example.com", "not absolute"),
        ("http://example.com", "its scheme is \"http\", not ws or wss"),
        (" ws://example.com", "its scheme is \" ws\""),
        ("://example.com", "its scheme is \"\""),
        ("ws://", "it has no host"),
        ("ws:///path", "it has no host"),
        ("ws://?q", "it has no host"),
        ("ws://:80/", "it has no host"),
        ("ws://user@/", "it has no host"),
        ("ws://example.com:0/", "port is not in 1...65535"),
        ("ws://example.com:65536/", "port is not in 1...65535"),
        ("ws://example.com:99999999999999999999999/", "port is not in 1...65535"),
        ("ws://example.com:8o/", "port is not a number"),
        ("ws://example.com:-1/", "port is not a number"),
        ("ws://example.com:80:80/", "port is not a number"),
        ("ws://example.com/a#b", "it has a fragment at byte 18"),
        ("ws://example.com#", "it has a fragment at byte 16"),
        ("ws://example.com/a b", "a space (0x20) at byte 18"),
        ("ws://example.com/a\r\nX: y", "CR (0x0d) at byte 18"),
        ("ws://example.com/a?b\u{0}", "NUL (0x00) at byte 20"),
        ("ws://example.com/\u{7f}", "byte 0x7f at byte 17"),
        ("ws://example.com/caf\u{e9}", "byte 0xc3 at byte 20"),
        ("ws://exa mple.com/", "its host has a space (0x20) at byte 8"),
        ("ws://exa\nmple.com/", "its host has LF (0x0a) at byte 8"),
        ("ws://exa\\mple.com/", "its host has '\\' (0x5c) at byte 8"),
        ("ws://b\u{fc}cher.example/", "punycode"),
        ("ws://b%C3%BCcher.example/", "punycode"),
        ("ws://256.1.1.1/", "not an IPv4 address"),
        ("ws://127.1/", "not an IPv4 address"),
        ("ws://0x7f.1/", "not an IPv4 address"),
        ("ws://0x7f000001/", "not an IPv4 address"),
        ("ws://2130706433/", "not an IPv4 address"),
        ("ws://01.2.3.4/", "not an IPv4 address"),
        ("ws://1.2.3.4./", "not an IPv4 address"),
        ("ws://[::1/", "no closing bracket"),
        ("ws://[::1]8080/", "something other than a port"),
        ("ws://[]/", "is not an IPv6 address"),
        ("ws://[1:2]/", "is not an IPv6 address"),
        ("ws://[127.0.0.1]/", "is not an IPv6 address"),
        ("ws://[::1\u{0}]/", "is not an IPv6 address"),
        ("ws://[v1.x]/", "is not an IPv6 address"),
        ("ws://[fe80::1%eth0]/", "must be written as %25"),
        ("ws://[fe80::1%25]/", "not the name of an interface"),
        ("ws://[fe80::1%25a%2Fb]/", "not the name of an interface"),
        ("ws://[fe80::1%25aaaaaaaaaaaaaaaa]/", "not the name of an interface"),
        ("ws://[2001:db8::1%25eth0]/", "has a zone, which only a link-local one"),
        ("ws://[%25eth0]/", "is not an IPv6 address"),
        ("ws://a@b@example.com/", "must be percent-encoded"),
        ("ws://a%zz@example.com/", "two hexadecimal digits"),
        ("ws://a%2@example.com/", "two hexadecimal digits"),
        ("ws://%ff@example.com/", "not UTF-8"),
    ])
    func refuses(text: String, reason: String) throws {
        let error = try #require(throws: WebSocketError.self) { try WebSocketURL(text) }
        #expect(error.code == .invalidURL)
        #expect(error.message.contains(reason), "\(error.message)")
        #expect(error.message.utf8.allSatisfy { (0x20...0x7e).contains($0) }, "\(error.message)")
    }

    @Test func keepsTheZoneOfALinkLocalAddressToItself() throws {
        let url = try WebSocketURL("ws://[FE80::1%25eth0]:81/x")
        #expect(url.endpoint == Endpoint(host: "fe80::1", port: 81, zone: "eth0"))
        #expect(url.hostHeader == "[fe80::1]:81")
        #expect("\(url.endpoint)" == "[fe80::1%eth0]:81")
    }

    @Test func refusesANameBeyondWhatDNSCarries() throws {
        let label = String(repeating: "a", count: 49) + "."
        let name = String(repeating: label, count: 5)
        #expect(try WebSocketURL("ws://\(name)abc/").host == name + "abc")
        #expect(throws: WebSocketError.self) { try WebSocketURL("ws://\(name)abcde/") }
    }

    @Test func keepsCredentialsApart() throws {
        let url = try WebSocketURL("wss://us%65r:p%40ss%3Aw%2Ford:x@Example.com/feed?token=abc")
        #expect(url.credentials == WebSocketURL.Credentials(user: "user", password: "p@ss:w/ord:x"))
        #expect(url.host == "example.com")
        #expect(url.target == "/feed?token=abc")
        #expect(try WebSocketURL("ws://user@h/").credentials == WebSocketURL.Credentials(user: "user", password: ""))
        #expect(try WebSocketURL("ws://@h/").credentials == WebSocketURL.Credentials(user: "", password: ""))
    }

    @Test func describesItselfWithoutSecrets() throws {
        let url = try WebSocketURL("wss://user:hunter2@example.com:444/feed?token=abc")
        #expect("\(url)" == "wss://example.com:444/feed?...")
        #expect(!String(reflecting: url).contains("hunter2"))
        #expect(url.credentials.map { "\($0)" } == "***")
    }

    @Test(arguments: [
        "ws://user:hunter2@example.com:port/",
        "ws://user:hunter2@example.com/#fragment",
        "ws://user:hunter2@exa mple.com/?token=hunter2",
        "ws://user:hunter2 @example.com/",
        "ws://user:hunter2/x@example.com/",
        "ws://user:x/hunter2@example.com/ ",
        "ws://user:x?hunter2@example.com/ ",
        "ws://user:x#hunter2@example.com/",
        "ws://example.com/ ?token=hunter2",
        "ws://example.com/ ?token=a@hunter2",
        "http://user:hunter2@example.com/",
        "user:hunter2@example.com",
    ])
    func namesABadURLWithoutSecrets(text: String) throws {
        let error = try #require(throws: WebSocketError.self) { try WebSocketURL(text) }
        #expect(!"\(error)".contains("hunter2"), "\(error)")
    }

    @Test func namesABadURL() throws {
        let error = try #require(throws: WebSocketError.self) {
            try WebSocketURL("wss://user:hunter2@example.com:port/feed?x")
        }
        #expect(error.message == "URL \"wss://***@example.com:port/feed?...\": its port is not a number")
    }

    @Test func cutsALongURLInTheMessage() throws {
        let text = "ws://example.com/" + String(repeating: "x", count: 10_000) + " "
        let error = try #require(throws: WebSocketError.self) { try WebSocketURL(text) }
        #expect(error.message.utf8.count < 500)
        #expect(error.message.contains("at byte 10017"))
    }

    @Test(arguments: [UInt64(1), 2])
    func eitherReadsOrRefusesRandomText(seed: UInt64) throws {
        let pieces = [
            "ws", "wss", "://", ":", "/", "//", "@", "?", "#", "[", "]", "::1", "127.0.0.1", ".", "0x", "h", "80",
            "%41", "%",
            " ", "\\", "\r\n", "\u{0}", "\u{e9}", "\u{301}", "\u{1f600}", "secret",
        ]
        var random = DeflateReference.Random(seed: seed)
        var read = 0
        for _ in 0..<10_000 {
            let count = Int.random(in: 0...6, using: &random)
            let text = "ws://" + (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            guard let url = try? WebSocketURL(text) else { continue }
            read += 1
            // What was read can be sent: visible ASCII only, and the same when it is read again.
            let again = try WebSocketURL("ws://\(url.hostHeader)\(url.target)")
            #expect(
                again.host == url.host && again.port == url.port && again.target == url.target,
                "seed \(seed): \(text)"
            )
            #expect(
                (url.hostHeader + url.target).utf8.allSatisfy { (0x21...0x7e).contains($0) },
                "seed \(seed): \(text)"
            )
            if let credentials = url.credentials, credentials.user + credentials.password == "secret" {
                #expect(!"\(url)".contains("secret") || url.target.contains("secret") || url.host.contains("secret"))
            }
        }
        #expect(read > 100, "seed \(seed)")
    }
}
