internal import WebSocketNovaTesting

extension HostileServer {
    package static let dropsInFrameHeader = Self.afterUpgrade(
        "ends the stream in the middle of a frame's header",
        [.send([0x82, 127, 0, 0]), .close]
    )
    package static let dropsInFrame = Self.afterUpgrade(
        "ends the stream in the middle of a frame",
        [.send(Frame(.binary, [1, 2, 3], declaredLength: 70_000)), .close]
    )
    package static let dropsInMessage = Self.afterUpgrade(
        "ends the stream in the middle of a message",
        [.send(Frame(.text, [65], isFinal: false)), .close]
    )
    package static let dropsBetweenMessages = Self.afterUpgrade("ends the stream between messages", [.close])
    package static let halfCloses = Self.afterUpgrade(
        "ends its side of the stream and goes on reading",
        [.shutdownWrite, .waitForEndOfStream]
    )
    package static let resetsInFrame = Self.afterUpgrade(
        "resets in the middle of a frame",
        [.receiveFrame, .send(Frame(.binary, [1, 2, 3], declaredLength: 70_000)), .reset]
    )
    package static let resetsInMessage = Self.afterUpgrade(
        "resets in the middle of a message",
        [.receiveFrame, .send(Frame(.text, [65], isFinal: false)), .reset]
    )
    package static let resetsBetweenMessages = Self.afterUpgrade("resets between messages", [.receiveFrame, .reset])
    /// The reset may overtake the 101.
    package static let resetsBehindSwitch = HostileServer("resets behind its 101", [.acceptUpgrade(), .reset])
}
