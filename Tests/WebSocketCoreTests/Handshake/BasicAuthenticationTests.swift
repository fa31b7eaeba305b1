import Testing
import WebSocketCore

@Suite("User and password of a URL")
struct BasicAuthenticationTests {
    private func authorization(_ url: String, _ headers: HTTPFields = [:]) throws -> [String] {
        let request = try UpgradeRequest(url: WebSocketURL(url), headers: headers)
        return String(decoding: request.head, as: UTF8.self).split(separator: "\r\n").map(String.init)
            .filter { $0.lowercased().hasPrefix("authorization:") }
    }

    @Test(arguments: [
        // RFC 7617 sections 2 and 2.1.
        ("Aladdin:open%20sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), ("test:123%C2%A3", "dGVzdDoxMjPCow=="),
        ("user", "dXNlcjo="), ("user:", "dXNlcjo="), (":pass", "OnBhc3M="), ("u:a:b", "dTphOmI="),
        ("u%40h:p%2F", "dUBoOnAv"),
    ])
    func `they become Basic authentication`(credentials: String, expected: String) throws {
        #expect(try self.authorization("ws://\(credentials)@a/") == ["Authorization: Basic \(expected)"])
    }

    @Test(arguments: ["ws://a/", "ws://@a/", "ws://:@a/"])
    func `none are sent where there are none`(url: String) throws {
        #expect(try self.authorization(url) == [])
    }

    @Test func `the user's own field goes before`() throws {
        #expect(try self.authorization("ws://u:p@a/", ["authorization": "Bearer x"]) == ["authorization: Bearer x"])
    }

    @Test(arguments: ["se%3Acret:p", "secret%00:p", "u:secret%0D%0A", "u:secret%7F"])
    func `what Basic authentication cannot carry is refused`(credentials: String) {
        let error = #expect(throws: WebSocketError.self) { try self.authorization("ws://\(credentials)@a/") }
        #expect(error?.code == .invalidURL)
        #expect(error.map { !$0.message.contains("cret") } == true)
    }
}
