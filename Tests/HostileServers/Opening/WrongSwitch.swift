internal import WebSocketCore
internal import WebSocketNovaTesting

extension HostileServer {
    package static let wrongAccept = HostileServer(
        "proves that it has not seen our key",
        [.acceptUpgrade(headers: ["Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]), .waitForEndOfStream]
    )

    package static let missingAccept = HostileServer(
        "answers 101 without Sec-WebSocket-Accept",
        Self.answer { _ in ["Upgrade: websocket", "Connection: Upgrade"] }
    )
    package static let missingUpgrade = HostileServer(
        "answers 101 without Upgrade",
        Self.answer { ["Connection: Upgrade", "Sec-WebSocket-Accept: \($0)"] }
    )
    package static let missingConnection = HostileServer(
        "answers 101 without Connection",
        Self.answer { ["Upgrade: websocket", "Sec-WebSocket-Accept: \($0)"] }
    )
    package static let emptySwitch = HostileServer("answers 101 and nothing else", Self.answer { _ in [] })

    /// RFC 6455 section 11.3.3: the field must not appear more than once in a response.
    package static let twoAccepts = HostileServer(
        "sends two values for Sec-WebSocket-Accept, one of them right",
        Self.answer {
            ["Upgrade: websocket", "Connection: Upgrade"] + ["wrong", $0].map { "Sec-WebSocket-Accept: \($0)" }
        }
    )

    /// RFC 9110 section 8.6 and RFC 9112 section 6.1: a 1xx response has no body.
    package static let switchesWithBody = HostileServer(
        "announces a body for its 101",
        [.acceptUpgrade(headers: ["Content-Length": "5"]), .waitForEndOfStream]
    )
    package static let switchesInHTTP10 = HostileServer(
        "answers 101 in HTTP/1.0",
        Self.answer(version: "1.0") { ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: \($0)"] }
    )

    package static let unofferedSubprotocol = HostileServer(
        "picks a subprotocol that was not offered",
        [.acceptUpgrade(subprotocol: "chat"), .waitForEndOfStream]
    )
    package static let unofferedExtension = HostileServer(
        "negotiates an extension that was not offered",
        [.acceptUpgrade(extensions: "permessage-deflate"), .waitForEndOfStream]
    )
    package static let unknownExtension = HostileServer(
        "negotiates an extension that nobody knows",
        [.acceptUpgrade(extensions: "x-snappy; level=9"), .waitForEndOfStream]
    )
    /// With libwebsockets' own WebSocket role this is a write behind an array's end, in all releases before 5.0.
    package static let repeatedExtension = HostileServer(
        "negotiates one extension twice",
        [.acceptUpgrade(extensions: "permessage-deflate, permessage-deflate"), .waitForEndOfStream]
    )

    static func answer(version: String = "1.1", _ fields: @escaping @Sendable (String) -> [String]) -> [Step] {
        let head: @Sendable (String) -> [UInt8] = { accept in
            let lines = fields(accept).map { $0 + "\r\n" }.joined()
            return Array("HTTP/\(version) 101 Switching Protocols\r\n\(lines)\r\n".utf8)
        }
        return [.answerUpgrade(head), .waitForEndOfStream]
    }
}
