internal import WebSocketNovaTesting

extension HostileServer {
    package static let fragmentsByByte = Self.afterUpgrade(
        "sends fragments of one byte without end",
        [
            .send(Frame(.binary, [1], isFinal: false)),
            .flood(Self.repeating(Frame(.continuation, [1], isFinal: false)), atMost: Self.floodSize, isReading: true),
            .waitForEndOfStream,
        ]
    )
    package static let floodsEmptyFragments = Self.afterUpgrade(
        "sends empty fragments without end",
        [
            .send(Frame(.text, [65], isFinal: false)),
            .flood(Self.repeating(Frame(.continuation, isFinal: false)), atMost: Self.floodSize, isReading: true),
            .waitForEndOfStream,
        ]
    )
    /// Slowly enough that nothing but the number of fragments could end it.
    package static let floodsFragmentsAndPings = Self.afterUpgrade(
        "sends fragments without end with pings between them",
        [
            .send(Frame(.binary, [1], isFinal: false)),
            .flood(
                Self.repeating(Frame(.continuation, [1], isFinal: false)) + Frame(.ping).encoded,
                atMost: Self.floodSize,
                isReading: true
            ), .waitForEndOfStream,
        ]
    )
    /// It stays under the limit on fragments and goes over the one on bytes.
    package static let messageNeverEnds = Self.afterUpgrade(
        "sends a message without end",
        [
            .send(Frame(.binary, [1], isFinal: false)),
            .flood(
                Frame(.continuation, [UInt8](repeating: 1, count: 16_384), isFinal: false).encoded,
                atMost: Self.floodSize,
                isReading: true
            ), .waitForEndOfStream,
        ]
    )
}
