import Testing

@testable import WebSocketCore

@Suite("Cookies")
struct WebSocketCookieTests {
    /// The Cookie lines of a request.
    private func lines(_ headers: HTTPFields, _ cookies: [(String, String)]) throws -> [String] {
        let request = try UpgradeRequest(
            url: WebSocketURL("ws://a/"),
            headers: headers,
            cookies: cookies.map { WebSocketCookie(name: $0.0, value: $0.1) }
        )
        let lines = String(decoding: request.head, as: UTF8.self).split(separator: "\r\n").dropFirst(6)
        return lines.map(String.init)
    }

    @Test func `all go into one field`() throws {
        #expect(try self.lines([:], []) == [])
        #expect(try self.lines([:], [("a", "1")]) == ["Cookie: a=1"])
        #expect(try self.lines(["X": "y"], [("a", "1"), ("b", "")]) == ["Cookie: a=1; b=", "X: y"])
    }

    @Test func `the user's own field comes first, at its place`() throws {
        let headers: HTTPFields = ["X": "y", "cookie": "a=1", "Z": "z", "Cookie": "b=2"]
        #expect(try self.lines(headers, [("c", "3")]) == ["X: y", "Cookie: a=1; b=2; c=3", "Z: z"])
        #expect(try self.lines(headers, []) == ["X: y", "Cookie: a=1; b=2", "Z: z"])
    }

    @Test(arguments: ["plain", "", "\"quoted\"", "a=b", "{\"a\":[1,2]}", "a b", "\u{e9}", "a\\b"])
    func `a value is sent as it is`(value: String) throws {
        #expect(try self.lines([:], [("a", value)]) == ["Cookie: a=\(value)"])
    }

    @Test(arguments: ["secret;b", "secret\r\nX: y", "secret\u{0}", "secret\u{7f}", " secret", "secret\t"])
    func `a value that would become something else is refused`(value: String) {
        let error = #expect(throws: WebSocketError.self) { try self.lines([:], [("session", value)]) }
        #expect(error?.code == .invalidHeader)
        #expect(error?.message.contains("\"session\"") == true)
        #expect(error?.message.contains("secret") == false)
    }

    @Test(arguments: ["", "a b", "a=b", "a;b", "\u{e9}", "a\r\nb"])
    func `a name that is no token is refused`(name: String) {
        let error = #expect(throws: WebSocketError.self) { try self.lines([:], [(name, "1")]) }
        #expect(error?.code == .invalidHeader)
    }

    @Test func `a description has no value`() {
        #expect("\(WebSocketCookie(name: "session", value: "secret"))" == "session=***")
    }
}
