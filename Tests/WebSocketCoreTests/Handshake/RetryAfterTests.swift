import Testing

@testable import WebSocketCore

@Suite("Retry-After")
struct RetryAfterTests {
    private func retryAfter(_ value: String?, date: String? = "Sun, 06 Nov 1994 08:49:37 GMT") -> Duration? {
        var headers = HTTPFields()
        if let value { headers.append(name: "retry-after", value: value) }
        if let date { headers.append(name: "date", value: date) }
        return WebSocketError.Handshake(status: 503, headers: headers, bodyPrefix: []).retryAfter
    }

    @Test(arguments: [
        ("0", 0), ("120", 120), (" 7 ", 7), ("99999999999999999999999", 31_536_000),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60), ("Sunday, 06-Nov-94 08:50:37 GMT", 60), ("Sun Nov  6 08:50:37 1994", 60),
        ("Mon, 07 Nov 1994 08:49:37 GMT", 86_400), ("Sun, 06 Nov 1994 08:49:36 GMT", 0),
    ])
    func `both forms are read`(value: String, seconds: Int) {
        #expect(self.retryAfter(value) == .seconds(seconds))
    }

    @Test(arguments: [nil, "", "soon", "-1", "1.5", "Sun, 06 Nov 1994", "Sun, 32 Nov 1994 08:49:37 GMT"])
    func `what cannot be read says nothing`(value: String?) {
        #expect(self.retryAfter(value) == nil)
    }

    @Test func `a date needs the response's own`() {
        #expect(self.retryAfter("Sun, 06 Nov 1994 08:50:37 GMT", date: nil) == nil)
        #expect(self.retryAfter("Sun, 06 Nov 1994 08:50:37 GMT", date: "today") == nil)
        #expect(self.retryAfter("5", date: nil) == .seconds(5))
    }

    @Test(arguments: [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
        ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600), ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 946_684_799), ("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800),
        ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400), ("Wed, 31 Dec 1969 00:00:00 GMT", -86_400),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777), ("Sun Nov  6 08:49:37 1994", 784_111_777),
    ])
    func `dates in seconds`(text: String, seconds: Int) {
        #expect(HTTPDate(text)?.secondsSince1970 == seconds)
    }

    @Test(arguments: [
        "", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 194 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT", "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 99999999 08:49:37 GMT",
    ])
    func `what is no date`(text: String) {
        #expect(HTTPDate(text) == nil)
    }

    @Test func `a year of two digits is near the response's own date`() throws {
        let near = try #require(HTTPDate("Tue, 01 Jan 2030 00:00:00 GMT"))
        #expect(HTTPDate("Tuesday, 01-Jan-30 00:00:00 GMT", near: near) == near)
        #expect(HTTPDate("Tuesday, 01-Jan-85 00:00:00 GMT", near: near) == HTTPDate("Tue, 01 Jan 1985 00:00:00 GMT"))
        #expect(HTTPDate("Tuesday, 01-Jan-75 00:00:00 GMT", near: near) == HTTPDate("Tue, 01 Jan 2075 00:00:00 GMT"))
    }
}
