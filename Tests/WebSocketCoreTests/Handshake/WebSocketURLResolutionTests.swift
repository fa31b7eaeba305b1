import Testing
import WebSocketCore

@Suite("What a Location means")
struct WebSocketURLResolutionTests {
    private func resolved(_ reference: String, from base: String = "ws://a/b/c/d;p?q") throws -> WebSocketURL {
        try WebSocketURL(base).resolving(reference)
    }

    @Test(
        arguments: [
            // RFC 3986 section 5.4.1, but for the fragments, which are dropped.
            ("g", "/b/c/g"), ("./g", "/b/c/g"), ("g/", "/b/c/g/"), ("/g", "/g"), ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("#s", "/b/c/d;p?q"), ("g#s", "/b/c/g"), ("g?y#s", "/b/c/g?y"), (";x", "/b/c/;x"), ("g;x", "/b/c/g;x"),
            ("g;x?y#s", "/b/c/g;x?y"), ("", "/b/c/d;p?q"), (".", "/b/c/"), ("./", "/b/c/"), ("..", "/b/"),
            ("../", "/b/"),
            ("../g", "/b/g"), ("../..", "/"), ("../../", "/"), ("../../g", "/g"),
            // Section 5.4.2.
            ("../../../g", "/g"), ("../../../../g", "/g"), ("/./g", "/g"), ("/../g", "/g"), ("g.", "/b/c/g."),
            (".g", "/b/c/.g"), ("g..", "/b/c/g.."), ("..g", "/b/c/..g"), ("./../g", "/b/g"), ("./g/.", "/b/c/g/"),
            ("g/./h", "/b/c/g/h"), ("g/../h", "/b/c/h"), ("g;x=1/./y", "/b/c/g;x=1/y"), ("g;x=1/../y", "/b/c/y"),
            ("g?y/./x", "/b/c/g?y/./x"), ("g?y/../x", "/b/c/g?y/../x"), ("g#s/../x", "/b/c/g"),
            // What servers write that is no URL.
            ("/a b", "/a%20b"), ("/\u{e9}?\u{fc}", "/%C3%A9?%C3%BC"), ("  /g \t", "/g"), ("//", nil),
            ("/a//b", "/a//b"),
            ("/x:y", "/x:y"), ("./x:y", "/b/c/x:y"), ("1:2", "/b/c/1:2"), ("?", "/b/c/d;p?"),
        ] as [(String, String?)]
    )
    func `relative references`(reference: String, target: String?) throws {
        guard let target else {
            let error = #expect(throws: WebSocketError.self) { try self.resolved(reference) }
            #expect(error?.code == .invalidURL)
            return
        }
        let url = try self.resolved(reference)
        #expect(url.target == target)
        #expect(url.host == "a")
        #expect(url.port == 80)
        #expect(!url.isSecure)
    }

    @Test(arguments: [
        ("//g", "ws://g/"), ("//g:81/x?y", "ws://g:81/x?y"), ("//g?y", "ws://g/?y"), ("ws://h/x/../y", "ws://h/y"),
        ("wss://h", "wss://h/"), ("http://h/", "ws://h/"), ("https://h/", "wss://h/"),
        ("HTTPS://H:8443/", "wss://h:8443/"),
        ("https://[::1]:9/", "wss://[::1]:9/"), ("https://h/#s", "wss://h/"), ("https://h?y#s", "wss://h/?y"),
    ])
    func `references with an authority`(reference: String, expected: String) throws {
        #expect(try self.resolved(reference) == WebSocketURL(expected))
    }

    @Test func `the scheme of the base goes on`() throws {
        #expect(try self.resolved("//g/x", from: "wss://a/") == WebSocketURL("wss://g/x"))
        #expect(try self.resolved("/x", from: "wss://a:9/y") == WebSocketURL("wss://a:9/x"))
    }

    @Test(arguments: [
        "ftp://h/", "file:///etc/passwd", "ws+unix:/run/x.sock", "mailto:x@y", "ws:x", "wss:/x", "http:", "ws://",
        "http:///x",
        "ws://h:99999/", "ws://h h/", "ws://\u{e9}/", "http://u%zz@h/",
    ])
    func `what is no WebSocket URL is refused`(reference: String) {
        let error = #expect(throws: WebSocketError.self) { try self.resolved(reference) }
        #expect(error?.code == .invalidURL)
    }

    @Test func `a refusal shows neither credentials nor query`() {
        for reference in [
            "ws://user:secret@h:0/", "ftp://user:secret@h/", "ws://h:0/?secret", "wss:user:secret@h?secret",
        ] {
            let error = #expect(throws: WebSocketError.self) { try self.resolved(reference) }
            #expect(error.map { !$0.message.contains("secret") } == true, "\(reference)")
        }
    }

    @Test(arguments: [
        ("/x", true), ("x", true), ("?y", true), ("ws://h:80/x", true), ("http://H/x", true), ("//h/", true),
        ("wss://h/", false), ("ws://h:81/", false), ("ws://other/", false), ("ws://h./", false),
    ])
    func `credentials stay within the origin`(reference: String, stay: Bool) throws {
        let url = try self.resolved(reference, from: "ws://user:pass@h/")
        #expect((url.credentials == WebSocketURL.Credentials(user: "user", password: "pass")) == stay)
        #expect((url.credentials == nil) == !stay)
    }

    @Test func `credentials of the reference go before`() throws {
        let url = try self.resolved("ws://new:word@h/", from: "ws://user:pass@h/")
        #expect(url.credentials == WebSocketURL.Credentials(user: "new", password: "word"))
    }

    @Test func `a Unix socket is an origin of its own`() throws {
        let base = "ws+unix:/run/x.sock:/a/b?c"
        let inside = try self.resolved("/d?e", from: base)
        #expect(inside.text == "ws+unix:/run/x.sock:/d?e")
        #expect(try inside.isSameOrigin(as: WebSocketURL(base)))
        #expect(try !self.resolved("ws://localhost/", from: base).isSameOrigin(as: WebSocketURL(base)))
    }

    @Test(arguments: ["ws://h/", "wss://h:9/a/b?c=d", "ws://[::1]:81/?x"])
    func `the text is the whole URL without credentials`(text: String) throws {
        #expect(try WebSocketURL(text.replacing("://", with: "://user:secret@")).text == text)
    }
}
