internal import WebSocketNovaTesting

extension HostileServer {
    package static let masks = Self.violates("masks its frames", Frame(.text, [65], maskingKey: [1, 2, 3, 4]))
    package static let setsRSV1 = Self.violates("sets RSV1 without compression", Frame(.text, [65], reservedBits: 4))
    package static let setsRSV2 = Self.violates("sets RSV2", Frame(.text, [65], reservedBits: 2))
    package static let setsRSV3 = Self.violates("sets RSV3", Frame(.binary, [65], reservedBits: 1))
    package static let reservedDataOpcode = Self.violates(
        "uses a reserved data opcode",
        Frame(.init(rawValue: 3), [65])
    )
    package static let reservedControlOpcode = Self.violates(
        "uses a reserved control opcode",
        Frame(.init(rawValue: 15))
    )
    package static let wastesLength16 = Self.violates(
        "writes a short length in 16 bits",
        Frame(.text, [65], lengthForm: .sixteenBits)
    )
    package static let wastesLength64 = Self.violates(
        "writes a short length in 64 bits",
        Frame(.text, [65], lengthForm: .sixtyFourBits)
    )
    /// RFC 6455 section 5.2: the most significant bit must be 0.
    package static let setsTopBitOfLength = Self.violates(
        "sets the top bit of a length",
        Frame(.binary, lengthForm: .sixtyFourBits, declaredLength: 1 << 63)
    )
    package static let announcesTooMuch = Self.violates(
        "announces a frame of 2^62 bytes",
        Frame(.binary, declaredLength: 1 << 62)
    )
    /// Memory must not be taken on its word; the limit of the test lets it pass.
    package static let announcesMuch = Self.afterUpgrade(
        "announces a frame of a gigabyte and sends one byte of it",
        [.send(Frame(.binary, [1], declaredLength: 1 << 30)), .mark("announced"), .waitForEndOfStream]
    )
    package static let fragmentsPing = Self.violates("fragments a ping", Frame(.ping, [], isFinal: false))
    package static let oversizedPing = Self.violates(
        "sends a ping of 126 bytes",
        Frame(.ping, [UInt8](repeating: 0, count: 126))
    )
    package static let continuesNothing = Self.violates(
        "continues a message that has not begun",
        Frame(.continuation, [65])
    )
    package static let nestsMessages = Self.violates(
        "begins a message within another",
        Frame(.text, [65], isFinal: false),
        Frame(.text, [66])
    )

    /// The message before the violation is to be delivered, and the Close frame to be sent.
    static func violates(_ description: String, _ frames: Frame...) -> HostileServer {
        let bytes = frames.flatMap(\.encoded)
        return Self.afterUpgrade(description, [.send(Frame.text("before").encoded + bytes), .receiveClose])
    }
}
