internal import WebSocketCore
internal import WebSocketNovaTesting

extension HostileServer {
    package static let sendsAfterClose = Self.afterUpgrade(
        "sends messages behind its Close frame",
        [
            .send(Frame.text("last").encoded + Frame.close(1000).encoded + Frame.text("ghost").encoded),
            .send(Frame.text("ghost")), .receiveClose,
        ]
    )
    package static let floodsAfterClose = Self.afterUpgrade(
        "floods messages behind its Close frame",
        [
            .send(Frame.text("last").encoded + Frame.close(1000).encoded),
            .flood(Self.repeating(Frame.text("ghost")), atMost: Self.endless), .waitForEndOfStream,
        ]
    )
    package static let closesTwice = Self.afterUpgrade(
        "sends two Close frames",
        [.send(Frame.text("last").encoded + Frame.close(1000).encoded + Frame.close(1011).encoded), .receiveClose]
    )
    package static let closesAndStays = Self.afterUpgrade(
        "closes and keeps the TCP connection open",
        [.send(Frame.text("last").encoded + Frame.close(1000).encoded), .waitForEndOfStream]
    )
}
