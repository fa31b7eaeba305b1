internal import WebSocketCore
internal import WebSocketNovaTesting

extension HostileServer {
    /// The whole session one byte at a time: no boundary of TCP is one of WebSocket.
    package static let tricklesEverything = HostileServer(
        "sends every byte in a segment of its own",
        [
            .answerUpgrade(inChunksOf: 1) { accept in Self.switching(accept) },
            .send(
                Frame.text("héllo").encoded + Frame(.text, Array("frag".utf8), isFinal: false).encoded
                    + Frame(.ping, [9]).encoded + Frame(.continuation, Array("ment".utf8)).encoded
                    + Frame.binary([UInt8](repeating: 7, count: 300)).encoded + Frame.close(1000).encoded,
                inChunksOf: 1
            ), .receiveClose,
        ]
    )
    /// With time between them, so that each is a read of its own.
    package static let tricklesSwitch = HostileServer(
        "sends its 101 one byte at a time",
        [
            .answerUpgrade(inChunksOf: 1, interval: .milliseconds(1)) { accept in Self.switching(accept) },
            .send(Frame.text("hello")), .send(Frame.close(1000)), .receiveClose,
        ]
    )
    package static let dripsLargeMessage = Self.afterUpgrade(
        "drips a large message",
        [
            .send(
                Frame.binary([UInt8](repeating: 7, count: 100_000)).encoded,
                inChunksOf: 997,
                interval: .milliseconds(1)
            ),
            .send(Frame.close(1000)), .receiveClose,
        ]
    )

    static func switching(_ accept: String) -> [UInt8] {
        Array(
            """
            HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: \(accept)\r\n\r\n
            """.utf8
        )
    }
}
