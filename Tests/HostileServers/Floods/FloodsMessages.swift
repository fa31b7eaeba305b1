internal import WebSocketNovaTesting

extension HostileServer {
    /// Nobody reads them: the peer has to be held back.
    package static let floodsTinyMessages = Self.afterUpgrade(
        "floods messages of one byte",
        [.flood(Self.repeating(Frame(.binary, [1])), atMost: Self.endless), .waitForEndOfStream]
    )
    package static let floodsEmptyMessages = Self.afterUpgrade(
        "floods empty messages",
        [.flood(Self.repeating(Frame(.text)), atMost: Self.endless), .waitForEndOfStream]
    )
    package static let floodsLargeMessages = Self.afterUpgrade(
        "floods messages of 64 KiB",
        [
            .flood(Frame(.binary, [UInt8](repeating: 1, count: 65_536)).encoded, atMost: 4 * Self.endless),
            .waitForEndOfStream,
        ]
    )
}
