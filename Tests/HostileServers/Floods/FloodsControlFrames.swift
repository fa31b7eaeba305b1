internal import WebSocketNovaTesting

extension HostileServer {
    /// Each is answered by who follows RFC 6455 section 5.5.2 to the letter.
    package static let floodsPings = Self.afterUpgrade(
        "floods pings and reads the pongs",
        [.flood(Self.pings, atMost: Self.floodSize, isReading: true), .send(Frame.text("after")), .waitForEndOfStream]
    )
    package static let floodsPingsUnread = Self.afterUpgrade(
        "floods pings and reads no pong",
        [.flood(Self.pings, atMost: 2 * Self.endless), .stopReading]
    )
    package static let floodsPongs = Self.afterUpgrade(
        "floods pongs that nobody has asked for",
        [
            .flood(Self.repeating(Frame(.pong, [1, 2, 3])), atMost: Self.floodSize), .send(Frame.text("after")),
            .waitForEndOfStream,
        ]
    )
    package static let floodsPingsInMessage = Self.afterUpgrade(
        "floods pings in the middle of a message",
        [
            .send(Frame(.text, [65], isFinal: false)), .flood(Self.pings, atMost: Self.floodSize, isReading: true),
            .send(Frame(.continuation, [66])), .waitForEndOfStream,
        ]
    )

    package static let floodSize = 4 << 20
    private static let pings = Self.repeating(Frame(.ping, [UInt8](repeating: 1, count: 125)))

    /// About 32 KiB of the frame.
    static func repeating(_ frame: Frame) -> [UInt8] {
        let bytes = frame.encoded
        return (0..<max(1, 32_768 / bytes.count)).flatMap { _ in bytes }
    }
}
