import Testing
import WebSocketCore

@Suite("Close codes")
struct WebSocketCloseCodeTests {
    /// RFC 6455 section 7.4.1, and IANA's registry for 1012 to 1014.
    private static let meanings: [UInt16: String] = [
        1000: "normal closure", 1001: "going away", 1002: "protocol error", 1003: "unsupported data",
        1004: "reserved", 1005: "no status received", 1006: "abnormal closure",
        1007: "invalid frame payload data", 1008: "policy violation", 1009: "message too big",
        1010: "mandatory extension", 1011: "internal error", 1012: "service restart", 1013: "try again later",
        1014: "bad gateway", 1015: "TLS handshake failure",
    ]

    @Test("F59: the codes 1000 to 1015 are told with their meanings, every other one as a number")
    func meanings() {
        for value in UInt16.min...UInt16.max {
            let expected = Self.meanings[value].map { "\(value) (\($0))" } ?? "\(value)"
            if "\(WebSocketCloseCode(rawValue: value))" != expected { Issue.record("close code \(value)") }
        }
        #expect(Self.meanings.count == 16)
    }
}
