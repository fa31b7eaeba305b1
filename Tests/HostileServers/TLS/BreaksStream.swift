internal import WebSocketCore
internal import WebSocketNovaTesting

extension HostileServer {
    package static let dropsInTLSRecord = Self.afterSecureUpgrade(
        "ends the stream in the middle of a TLS record",
        [.sendPartOfRecord(Frame.text("hello").encoded, count: 12), .close]
    )
    package static let resetsInTLSRecord = Self.afterSecureUpgrade(
        "resets in the middle of a TLS record",
        [.sendPartOfRecord(Frame.text("hello").encoded, count: 12), .reset]
    )
    package static let garbageBeneathTLS = Self.afterSecureUpgrade(
        "sends a TLS record that nobody can decrypt",
        [.sendBeneathTLS([23, 3, 3, 0, 32] + [UInt8](repeating: 0xAA, count: 32)), .waitForEndOfStream]
    )
    package static let plainBeneathTLS = Self.afterSecureUpgrade(
        "goes on in the clear in the middle of TLS",
        [.sendBeneathTLS(Frame.text("hello").encoded + [0, 0, 0]), .waitForEndOfStream]
    )
    package static let oversizedTLSRecord = Self.afterSecureUpgrade(
        "announces a TLS record over the limit",
        [.sendBeneathTLS([23, 3, 3, 0xFF, 0xFF]), .waitForEndOfStream]
    )
    /// A truncation that TLS lets nobody tell from an attack (RFC 8446 section 6.1).
    package static let omitsCloseNotify = Self.afterSecureUpgrade(
        "ends the TCP connection without an end of TLS",
        [.send(Frame.text("last")), .close]
    )
    package static let closesTLSOnly = Self.afterSecureUpgrade(
        "ends TLS in order, and WebSocket not at all",
        [.send(Frame.text("last")), .sendCloseNotify, .waitForEndOfStream]
    )
    package static let splitsTLSRecords = Self.afterSecureUpgrade(
        "sends every byte in a TLS record of its own",
        [.send(Frame.text("hello").encoded + Frame.close(1000).encoded, inChunksOf: 1), .receiveClose]
    )
}
