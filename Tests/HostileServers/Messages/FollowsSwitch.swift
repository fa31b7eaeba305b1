internal import WebSocketCore
internal import WebSocketNovaTesting

extension HostileServer {
    package static let dataWithSwitch = HostileServer(
        "sends messages in the segment of its 101",
        [
            .acceptUpgrade(following: Frame.text("one").encoded + Frame.text("two").encoded), .send(Frame.close(1000)),
            .receiveClose,
        ]
    )
    package static let closeWithSwitch = HostileServer(
        "closes in the segment of its 101",
        [.acceptUpgrade(following: Frame.close(1013, reason: "full").encoded), .receiveClose]
    )
    package static let garbageWithSwitch = HostileServer(
        "sends garbage in the segment of its 101",
        [.acceptUpgrade(following: [UInt8](repeating: 0xFF, count: 64)), .receiveClose]
    )
    /// The second one's H is an opcode of 8 without FIN.
    package static let switchesTwice = HostileServer(
        "answers 101 twice",
        [
            .answerUpgrade { accept in
                let head = """
                    HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Accept: \(accept)\r\n\r\n
                    """
                return Array((head + head).utf8)
            }, .receiveClose,
        ]
    )
}
