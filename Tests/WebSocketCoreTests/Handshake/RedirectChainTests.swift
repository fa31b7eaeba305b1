import Testing
import WebSocketCore

@Suite("The way of redirections")
struct RedirectChainTests {
    private static let headers: HTTPFields = [
        "authorization": "Bearer a", "X-One": "1", "COOKIE": "a=1", "Proxy-Authorization": "Basic b", "X-Two": "2",
        "Cookie": "b=2",
    ]

    private func chain(_ url: String, limit: Int = 10) throws -> RedirectChain {
        RedirectChain(
            url: try WebSocketURL(url),
            headers: Self.headers,
            cookies: [WebSocketCookie(name: "c", value: "3")],
            limit: limit
        )
    }

    private func answer(_ locations: String..., status: Int = 302) -> WebSocketError.Handshake {
        var headers = HTTPFields()
        for location in locations { headers.append(name: "Location", value: location) }
        return WebSocketError.Handshake(status: status, headers: headers, bodyPrefix: [])
    }

    /// Follows the locations, and gives the error at the last.
    private func failure(_ url: String, _ locations: [String], limit: Int = 10) throws -> WebSocketError? {
        var chain = try self.chain(url, limit: limit)
        for location in locations.dropLast() { try chain.redirected(by: self.answer(location)) }
        let last = self.answer(locations.last ?? "")
        let way = chain.way
        let error = #expect(throws: WebSocketError.self) { try chain.redirected(by: last) }
        #expect(error?.code == .redirectFailed)
        #expect(error?.handshake == last)
        #expect(error?.message.contains(way) == true)
        #expect(chain.way == way, "the way goes on after a failure")
        return error
    }

    @Test(arguments: [
        (301, true), (302, true), (303, true), (307, true), (308, true), (300, false), (304, false), (305, false),
        (101, false), (200, false), (401, false), (503, false),
    ])
    func `which statuses redirect`(status: Int, redirects: Bool) {
        #expect(RedirectChain.isRedirection(status: status, headers: ["location": "/"]) == redirects)
        #expect(!RedirectChain.isRedirection(status: status, headers: [:]))
    }

    @Test(arguments: [
        // (from, to, whether credentials go along)
        ("ws://a/", "/b", true), ("ws://a/", "ws://a/b", true), ("ws://a/", "http://a:80/b", true),
        ("ws://a/", "ws://A/b", true), ("wss://a/", "https://a:443/b", true), ("ws://a/", "wss://a/", false),
        ("ws://a/", "ws://a:81/", false), ("ws://a/", "ws://b/", false), ("ws://a/", "ws://sub.a/", false),
        ("ws://a/", "//b/", false), ("ws://127.0.0.1/", "ws://localhost/", false),
        ("ws://[::1]/", "ws://[::1]/x", true),
    ])
    func `credentials go along within the origin only`(from: String, to: String, goAlong: Bool) throws {
        var chain = try self.chain(from)
        try chain.redirected(by: self.answer(to))
        #expect(chain.headers.map(\.value) == (goAlong ? Self.headers.map(\.value) : ["1", "2"]))
        #expect(chain.cookies.count == (goAlong ? 1 : 0))
        #expect(chain.hasLeftOrigin == !goAlong)
    }

    @Test func `credentials do not come back with the origin`() throws {
        var chain = try self.chain("ws://user:pass@a/")
        try chain.redirected(by: self.answer("ws://b/"))
        try chain.redirected(by: self.answer("ws://a/x"))
        #expect(!chain.headers.contains("Authorization"))
        #expect(chain.cookies.isEmpty)
        #expect(chain.url.credentials == nil)
        #expect(chain.hasLeftOrigin)
    }

    @Test func `the way and its end`() throws {
        var chain = try self.chain("ws://u:p@a/x?secret")
        #expect(chain.count == 0)
        for location in ["/y", "https://b/z?secret", "../w"] { try chain.redirected(by: self.answer(location)) }
        #expect(chain.count == 3)
        #expect(chain.url == (try WebSocketURL("wss://b/w")))
        #expect(chain.way == "ws://a/x?... -> ws://a/y -> wss://b/z?... -> wss://b/w")
    }

    @Test(arguments: ["ws://a/", "http://a/", "ws://a/x", "ws://b/"])
    func `never from wss to ws`(location: String) throws {
        #expect(try self.failure("wss://a/", [location])?.message.contains("from wss to") == true)
        #expect(try self.failure("ws://a/", ["wss://a/", location])?.message.contains("from wss to") == true)
    }

    @Test(arguments: [0, 1, 3])
    func `the limit is the number of those followed`(limit: Int) throws {
        let error = try self.failure("ws://a/", (0...limit).map { "/\($0)" }, limit: limit)
        #expect(error?.message.contains("\(limit) redirections") == true)
    }

    @Test(arguments: [
        ["/"], [""], ["ws://a:80/"], ["ws://user@a/"], ["/x", "/"], ["/x", "/y", "/x"], ["ws://b/", "http://a/"],
    ])
    func `a circle ends where it closes`(locations: [String]) throws {
        #expect(try self.failure("ws://a/", locations)?.message.contains("leads back") == true)
    }

    @Test func `another query is another URL`() throws {
        var chain = try self.chain("ws://a/")
        try chain.redirected(by: self.answer("/?1"))
        try chain.redirected(by: self.answer("/?2"))
        #expect(chain.count == 2)
    }

    @Test(arguments: ["ftp://b/", "ws://user:secret@b:0/", "ws:///", "ws+unix:/x"])
    func `a Location that leads nowhere`(location: String) throws {
        #expect(try self.failure("ws://a/", [location])?.message.contains("secret") == false)
    }

    @Test func `several Locations`() throws {
        var chain = try self.chain("ws://a/")
        let error = #expect(throws: WebSocketError.self) { try chain.redirected(by: self.answer("/x", "/y")) }
        #expect(error?.code == .redirectFailed)
    }

    @Test func `a message stays short, whatever the Location`() throws {
        let long = String(repeating: "x", count: 20_000)
        #expect(
            try self.failure("ws://a/", ["ws://b/\(long)", "ws://c:0/\(long)"]).map { $0.message.utf8.count < 2_000 }
                == true
        )
    }
}
