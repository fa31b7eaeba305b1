internal import WebSocketCore
internal import WebSocketNovaTesting

extension HostileServer {
    package static let neverAnswersClose = Self.afterUpgrade("never answers the Close frame", [.waitForEndOfStream])
    package static let floodsInsteadOfClose = Self.afterUpgrade(
        "answers the Close frame with messages without end",
        [.receiveClose, .flood(Self.repeating(Frame.text("more")), atMost: Self.endless), .waitForEndOfStream]
    )
    package static let staysAfterClose = Self.afterUpgrade(
        "answers the Close frame and keeps the TCP connection open",
        [.receiveClose, .send(Frame.close(1000)), .waitForEndOfStream]
    )
    package static let dropsInsteadOfClose = Self.afterUpgrade(
        "ends the stream in place of an answer to the Close frame",
        [.receiveClose, .close]
    )
    package static let resetsInsteadOfClose = Self.afterUpgrade(
        "resets in place of an answer to the Close frame",
        [.receiveClose, .reset]
    )
    package static let dropsInCloseFrame = Self.afterUpgrade(
        "ends the stream in the middle of its Close frame",
        [.receiveClose, .send([0x88, 2, 3]), .close]
    )
    package static let violatesInsteadOfClose = Self.afterUpgrade(
        "breaks the protocol in place of an answer to the Close frame",
        [.receiveClose, .send([0xFF, 0xFF, 0xFF]), .waitForEndOfStream]
    )
}
