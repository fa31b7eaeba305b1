internal import WebSocketCore
internal import WebSocketNovaTesting

extension HostileServer {
    /// Codes that nobody may send (RFC 6455 section 7.4): outside of all ranges, reserved for what is never sent, unassigned.
    package static let invalidCloseCodes: [HostileServer] = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]
        .map {
            code in
            Self.violates("closes with the code \(code)", .close(WebSocketCloseCode(rawValue: code)))
        }
    package static let closesWithOneByte = Self.violates("closes with a payload of one byte", Frame(.close, [3]))
    package static let closesWithInvalidReason = Self.violates(
        "closes with a reason that is not UTF-8",
        Frame(.close, [3, 232, 0xC3, 0x28])
    )
    package static let closesTooLong = Self.violates(
        "closes with a reason of 124 bytes",
        Frame(.close, [3, 232] + [UInt8](repeating: 65, count: 124))
    )
    package static let fragmentsClose = Self.violates(
        "fragments its Close frame",
        Frame(.close, [3, 232], isFinal: false)
    )
}
