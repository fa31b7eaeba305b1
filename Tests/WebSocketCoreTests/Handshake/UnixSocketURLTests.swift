import Testing
import WebSocketCore

@Suite("URLs of Unix sockets")
struct UnixSocketURLTests {
    @Test(arguments: [
        ("ws+unix:/run/app.sock", "/run/app.sock", "/", "ws+unix:/run/app.sock:/"),
        ("ws+unix:/run/app.sock:", "/run/app.sock", "/", "ws+unix:/run/app.sock:/"),
        ("ws+unix:/run/app.sock:/feed?a=b:c", "/run/app.sock", "/feed?a=b:c", "ws+unix:/run/app.sock:/feed?..."),
        ("ws+unix:/run/app.sock:?a", "/run/app.sock", "/?a", "ws+unix:/run/app.sock:/?..."),
        ("ws+unix:/run/app.sock?a", "/run/app.sock", "/?a", "ws+unix:/run/app.sock:/?..."),
        ("ws+unix:///run/app.sock:/x", "/run/app.sock", "/x", "ws+unix:/run/app.sock:/x"),
        ("WS+UNIX:/Run/App.sock", "/Run/App.sock", "/", "ws+unix:/Run/App.sock:/"),
        ("ws+unix:/a%3Ab%20c%25:/d%20e", "/a:b c%", "/d%20e", "ws+unix:/a%3Ab%20c%25:/d%20e"),
        ("ws+unix:@name:/x", "@name", "/x", "ws+unix:@name:/x"),
        ("ws+unix://@name", "@name", "/", "ws+unix:@name:/"),
    ])
    func reads(text: String, path: String, target: String, description: String) throws {
        let url = try WebSocketURL(text)
        #expect(!url.isSecure)
        #expect(url.unixPath == path)
        #expect(url.target == target)
        #expect(url.hostHeader == "localhost")
        #expect(url.endpoint == Endpoint(host: "localhost", port: 80, unixPath: path))
        #expect("\(url)" == description)
        // What it says can be read again.
        if !target.contains("?") { #expect(try WebSocketURL("\(url)") == url) }
    }

    @Test func isSecureWithTheOtherScheme() throws {
        let url = try WebSocketURL("wss+unix:/run/app.sock:/x")
        #expect(url.isSecure)
        #expect(url.endpoint == Endpoint(host: "localhost", port: 443, unixPath: "/run/app.sock"))
        #expect(url.hostHeader == "localhost")
        #expect("\(url)" == "wss+unix:/run/app.sock:/x")
    }

    @Test(arguments: [
        ("ws+unix:", "must begin with '/'"),
        ("ws+unix:/", "must begin with '/'"),
        ("ws+unix:@", "must begin with '/'"),
        ("ws+unix:app.sock", "must begin with '/'"),
        ("ws+unix::/x", "must begin with '/'"),
        ("ws+unix://host/app.sock", "it has a host"),
        ("ws+unix://", "it has a host"),
        ("ws+unix:/a:b", "write a plain ':' in a path as %3A"),
        ("ws+unix:/a:/b:80#c", "it has a fragment"),
        ("ws+unix:/a#c", "it has a fragment"),
        ("ws+unix:/a b", "a space (0x20) at byte 10"),
        ("ws+unix:/caf\u{e9}", "byte 0xc3"),
        ("ws+unix:/a%zz", "two hexadecimal digits"),
        ("ws+unix:/a%ff", "not UTF-8"),
        ("ws+unix:/a%00", "has a NUL"),
        ("ws+unix:/a:/ b", "a space (0x20)"),
        ("ws+unix:/" + String(repeating: "a", count: 107), "has 108 bytes, more than 107"),
        ("ws+unix:@" + String(repeating: "a", count: 107), "has 108 bytes, more than 107"),
    ])
    func refuses(text: String, reason: String) throws {
        let error = try #require(throws: WebSocketError.self) { try WebSocketURL(text) }
        #expect(error.code == .invalidURL)
        #expect(error.message.contains(reason), "\(error.message)")
    }

    @Test func takesTheLongestPath() throws {
        let path = "/" + String(repeating: "a", count: 106)
        #expect(try WebSocketURL("ws+unix:" + path).unixPath == path)
    }
}
