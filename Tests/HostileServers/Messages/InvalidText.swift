internal import WebSocketNovaTesting

extension HostileServer {
    /// The euro sign is E2 82 AC.
    package static let splitsInvalidUTF8 = Self.violates(
        "splits invalid UTF-8 over fragments",
        Frame(.text, [0xE2, 0x82], isFinal: false),
        Frame(.continuation, [], isFinal: false),
        Frame(.ping),
        Frame(.continuation, [0x28])
    )
    package static let endsInsideCharacter = Self.violates(
        "ends a text inside a character",
        Frame(.text, [0xE2], isFinal: false),
        Frame(.continuation, [0x82])
    )
    package static let sendsSurrogate = Self.violates("sends a surrogate as UTF-8", Frame(.text, [0xED, 0xA0, 0x80]))
    /// It must be found before the message ends, which it never does (RFC 6455 section 8.1 with Autobahn's fast-fail cases).
    package static let failsEarly = Self.violates(
        "sends invalid UTF-8 in a message without end",
        Frame(.text, Array("abc".utf8) + [0xFF], isFinal: false)
    )
}
