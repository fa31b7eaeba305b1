internal import WebSocketNovaTesting

extension HostileServer {
    /// More than anybody should take, and an end to it for the test's sake.
    package static let endless = 32 << 20

    package static let endlessFields = HostileServer(
        "sends header fields without end",
        [
            .expectUpgrade, .send("HTTP/1.1 101 Switching Protocols\r\n"),
            .flood(Array("X-Filler: 0123456789abcdef\r\n".utf8), atMost: Self.endless), .waitForEndOfStream,
        ]
    )
    package static let endlessFieldLine = HostileServer(
        "sends one header field without end",
        [
            .expectUpgrade, .send("HTTP/1.1 101 Switching Protocols\r\nSet-Cookie: "),
            .flood([UInt8](repeating: UInt8(ascii: "x"), count: 1_000), atMost: Self.endless), .waitForEndOfStream,
        ]
    )
    package static let endlessUnknownFieldLine = HostileServer(
        "sends one header field of an unknown name without end",
        [
            .expectUpgrade, .send("HTTP/1.1 101 Switching Protocols\r\nX-Unheard-Of: "),
            .flood([UInt8](repeating: UInt8(ascii: "x"), count: 1_000), atMost: Self.endless), .waitForEndOfStream,
        ]
    )
    package static let endlessFieldName = HostileServer(
        "sends the name of a header field without end",
        [
            .expectUpgrade, .send("HTTP/1.1 101 Switching Protocols\r\n"),
            .flood([UInt8](repeating: UInt8(ascii: "x"), count: 1_000), atMost: Self.endless), .waitForEndOfStream,
        ]
    )
    package static let endlessStatusLine = HostileServer(
        "sends a status line without end",
        [
            .expectUpgrade, .send("HTTP/1.1 101 "),
            .flood([UInt8](repeating: UInt8(ascii: "x"), count: 1_000), atMost: Self.endless), .waitForEndOfStream,
        ]
    )
    /// RFC 9110 section 15.2 lets a server send as many as it likes.
    package static let endlessInterims = HostileServer(
        "sends interim responses without end",
        [
            .expectUpgrade,
            .flood(Array("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".utf8), atMost: Self.endless),
            .waitForEndOfStream,
        ]
    )
    package static let endlessBody = HostileServer(
        "answers 200 with a body without end",
        [
            .expectUpgrade, .send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"),
            .flood(Array("0123456789".utf8), atMost: Self.endless), .waitForEndOfStream,
        ]
    )
    package static let endlessChunkedBody = HostileServer(
        "answers 200 with chunks without end",
        [
            .expectUpgrade, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            .flood(Array("a\r\n0123456789\r\n".utf8), atMost: Self.endless), .waitForEndOfStream,
        ]
    )
    package static let bodyNeverComes = HostileServer(
        "refuses with a body that never comes",
        [
            .expectUpgrade, .send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\nonly this"),
            .waitForEndOfStream,
        ]
    )
}
