/// What the load server has to withstand, and what it has to say. Each case has a connection of its own.
struct ServerCheck: Sendable {
    let plain: ServerURL
    let secure: ServerURL

    struct Case: Sendable {
        var name: String
        var run: @Sendable (ServerCheck) throws -> Bool
    }

    static let cases: [Case] =
        [
            // What is no request, or asks for what there is not.
            Self.request("a path that there is not", "GET /nowhere HTTP/1.1", answered: "HTTP/1.1 404 "),
            Self.request("another method", "POST /echo HTTP/1.1", answered: "HTTP/1.1 400 "),
            Self.request("a size that is no number", "GET /flood?size=-1&count=5 HTTP/1.1", answered: "HTTP/1.1 400 "),
            Self.request(
                "a size beyond all",
                "GET /flood?size=99999999999&count=5 HTTP/1.1",
                answered: "HTTP/1.1 400 "
            ),
            Self.request(
                "a count of many digits",
                "GET /sink?count=99999999999999999999 HTTP/1.1",
                answered: "HTTP/1.1 400 "
            ),
            Case(name: "no key") {
                try $0.answer(to: "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n").hasPrefix("HTTP/1.1 400 ")
            },
            Case(name: "bytes that mean nothing") {
                try $0.answer(to: "\u{1}\u{2}\u{3}\r\n\r\n").hasPrefix("HTTP/1.1 400 ")
            },
            Case(name: "a request without end") {
                try $0.answer(to: "GET /echo HTTP/1.1\r\nX: " + String(repeating: "x", count: 300_000))
                    .hasPrefix("HTTP/1.1 431 ")
            },
            Case(name: "half a request") { try $0.answer(to: "GET /echo HTTP/1.1\r\nHost: a\r\n").isEmpty },
            Case(name: "no request") { try $0.answer(to: "").isEmpty },
            Case(name: "a request in the clear where TLS is spoken") { check in
                let connection = try RawConnection(to: check.secure)
                connection.send("GET /echo HTTP/1.1\r\n\r\n")
                return try !String(decoding: connection.receiveToEnd(), as: UTF8.self).contains("HTTP/1.1 101")
            },
            // What goes wrong later on.
            Case(name: "the end in the middle of a flood") { check in
                let connection = try check.open("/flood?size=100000&count=10000")
                return try connection.receive(150_000).count == 150_000
            },
            Case(name: "the end in the middle of a frame") { check in
                let connection = try check.open("/echo")
                connection.send([0x82, 0xFE, 0x10, 0x00, 1, 2, 3, 4, 5])
                connection.endSending()
                return try connection.receiveToEnd().count <= 5
            },
            Case(name: "a frame of half of all bytes") { check in
                let connection = try check.open("/echo")
                connection.send([0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4])
                connection.send([UInt8](repeating: 0, count: 100_000))
                connection.endSending()
                return try connection.receiveToEnd().count <= 100_010
            },
            Case(name: "a ping that is too long") { check in
                let connection = try check.open("/sink?count=1")
                connection.send([0x89, 0xFE, 0x01, 0x00, 1, 2, 3, 4])
                return try connection.receiveToEnd().isEmpty
            },
            Case(name: "a ping and a Close are answered") { check in
                let connection = try check.open("/echo")
                // A ping "hi" and Close 1001, masked with zeros.
                connection.send([0x89, 0x82, 0, 0, 0, 0, 0x68, 0x69, 0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE9])
                return try connection.receiveToEnd() == [0x8A, 0x02, 0x68, 0x69, 0x88, 0x02, 0x03, 0xE9]
            },
        ] + Self.offers

    /// Offers of permessage-deflate (RFC 7692 section 7.1), and whether the server takes one.
    private static let offers: [Case] = [
        ("permessage-deflate", true),
        ("permessage-deflate; client_max_window_bits", true),
        ("permessage-deflate; client_max_window_bits=9", true),
        ("Permessage-Deflate; server_no_context_takeover ;client_no_context_takeover", true),
        ("permessage-deflate; server_max_window_bits=15", true),
        ("permessage-deflate; server_max_window_bits=\"15\"", true),
        ("x-other; a=b, permessage-deflate", true),
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", true),
        ("permessage-deflate; server_max_window_bits=10", false),
        ("permessage-deflate; server_max_window_bits", false),
        ("permessage-deflate; unknown", false),
        ("permessage-deflate; server_no_context_takeover=1", false),
        ("permessage-deflated", false),
        ("permessage-deflate=1", false),
        (",;=\"", false),
        ("", false),
    ].map { offer, isTaken in
        Case(name: "the offer '\(offer)'") { check in
            let connection = try RawConnection(to: check.plain)
            connection.send(Self.upgrade("/echo", "Sec-WebSocket-Extensions: \(offer)\r\n"))
            connection.endSending()
            let answer = try String(decoding: connection.receiveToEnd(), as: UTF8.self)
            let isLimited = offer.contains("=15") || offer.contains("\"15\"")
            return answer.hasPrefix("HTTP/1.1 101 ") && answer.hasSuffix("\r\n\r\n")
                && answer.contains("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
                    == isTaken
                && answer.contains("server_max_window_bits=15") == isLimited
        }
    }

    private static func request(_ name: String, _ line: String, answered status: String) -> Case {
        Case(name: name) { check in
            let request = line + Self.upgrade("/", "").drop { $0 != "\r\n" }
            return try check.answer(to: request).hasPrefix(status)
        }
    }

    private static func upgrade(_ resource: String, _ more: String) -> String {
        "GET \(resource) HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(more)\r\n"
    }

    /// All that the server says to a request, until it closes.
    private func answer(to request: String) throws -> String {
        let connection = try RawConnection(to: self.plain)
        connection.send(request)
        connection.endSending()
        return String(decoding: try connection.receiveToEnd(), as: UTF8.self)
    }

    /// A connection behind its 101.
    private func open(_ resource: String) throws -> RawConnection {
        let connection = try RawConnection(to: self.plain)
        connection.send(Self.upgrade(resource, ""))
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
            let byte = try connection.receive(1)
            guard !byte.isEmpty else { throw BenchmarkError("the upgrade was refused") }
            head += byte
        }
        return connection
    }
}
