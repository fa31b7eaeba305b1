internal import WebSocketCore
internal import WebSocketNovaTesting

extension HostileServer {
    /// RFC 9110 section 15.2: a client must be able to take them.
    package static let interimResponses = HostileServer(
        "sends interim responses before its 101",
        [
            .answerUpgrade { accept in
                Array("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n".utf8)
                    + Self.switching(accept) + Frame.text("hello").encoded
            }, .send(Frame.close(1000)), .receiveClose,
        ]
    )
    package static let separateInterimResponses = HostileServer(
        "sends an interim response in a segment of its own",
        [
            .expectUpgrade, .send("HTTP/1.1 100 Continue\r\n\r\n"), .delay(.milliseconds(20)),
            .acceptUpgrade(following: Frame.text("hello").encoded), .send(Frame.close(1000)), .receiveClose,
        ]
    )
}
