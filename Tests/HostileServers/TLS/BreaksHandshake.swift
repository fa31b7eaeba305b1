internal import WebSocketNovaTesting

extension HostileServer {
    package static let leavesBeforeTLS = HostileServer(secure: "closes when TLS is to begin") { _ in
        [.receive(5), .close]
    }
    package static let resetsBeforeTLS = HostileServer(secure: "resets when TLS is to begin") { _ in
        [.receive(5), .reset]
    }
    package static let saysNothingOfTLS = HostileServer(secure: "does not answer the TLS handshake") { _ in
        [.waitForEndOfStream]
    }

    package static let dropsInTLSHandshake = HostileServer(secure: "ends the stream in the middle of the TLS handshake")
    {
        [.startTLS($0, sendingAtMost: 100), .close]
    }
    package static let resetsInTLSHandshake = HostileServer(secure: "resets in the middle of the TLS handshake") {
        [.startTLS($0, sendingAtMost: 100), .reset]
    }
    package static let stallsInTLSHandshake = HostileServer(secure: "falls silent in the middle of the TLS handshake") {
        [.startTLS($0, sendingAtMost: 100), .waitForEndOfStream]
    }
    package static let leavesBehindTLSFlight = HostileServer(secure: "ends the stream behind its first flight of TLS") {
        [.startTLS($0, sendingAtMost: 100_000), .close]
    }

    /// Fatal, handshake_failure (RFC 8446 section 6.2).
    package static let sendsAlert = HostileServer(secure: "answers the TLS handshake with an alert") { _ in
        [.receive(5), .send([21, 3, 3, 0, 2, 2, 40]), .waitForEndOfStream]
    }
    package static let garbageForTLSHandshake = HostileServer(
        secure: "answers the TLS handshake with garbage in a record"
    ) {
        _ in
        [.receive(5), .send([22, 3, 3, 0, 32] + [UInt8](repeating: 0xAA, count: 32)), .waitForEndOfStream]
    }
}
