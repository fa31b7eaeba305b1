internal import WebSocketCore
internal import WebSocketNovaTesting

extension HostileServer {
    package static let farewellCount = 1_000

    /// All of them must arrive, though the stream has ended long before they are read.
    package static let thousandMessagesAndClose = Self.afterUpgrade(
        "sends a thousand messages and closes at once",
        [.send(Self.farewell + Frame.close(1000).encoded), .close]
    )
    package static let thousandMessagesAndDrop = Self.afterUpgrade(
        "sends a thousand messages and ends the stream at once",
        [.send(Self.farewell), .close]
    )
    package static let thousandMessagesAndStay = Self.afterUpgrade(
        "sends a thousand messages with its 101",
        [.send(Self.farewell), .send(Frame.close(1000)), .receiveClose]
    )
    private static let farewell = (0..<Self.farewellCount).flatMap { Frame.text("message \($0)").encoded }
}
