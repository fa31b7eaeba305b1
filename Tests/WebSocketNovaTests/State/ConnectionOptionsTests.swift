import Testing
import WebSocketCore
import WebSocketNova

@Suite("ConnectionOptions")
struct ConnectionOptionsTests {
    @Test func `F22 defaults apply to what is not given`() throws {
        let options = try ConnectionOptions([:])
        #expect(options == ConnectionOptions())
        #expect(options.transport == .tls && options.protocols == ["http/1.1"] && options.retry == .limit(5))
        #expect(options.backoff == .exponential && options.baseBackoff == .seconds(1))
        #expect(try ConnectionOptions(["retry": "infinity"]).retry == .unlimited)
        #expect(try ConnectionOptions(["path": nil]).path == "/ws")
    }

    @Test(
        arguments: [
            ("transport", "udp"), ("transport", 1), ("protocols", "http"), ("protocols", ["h2"]), ("protocols", []),
            ("retry", -1), ("retry", 1.5), ("retry", "forever"), ("base_backoff", 0), ("base_backoff", -5),
            ("base_backoff", "1s"), ("backoff_type", "cubic"), ("port", 0), ("port", 65_536), ("host", ""), ("path", 3),
            ("ws_opts", "compress"), ("ws_opts", ["zip": true]), ("ws_opts", ["subprotocols": [1]]),
            ("transport_opts", ["verify": "no"]), ("headers", ["X-One": 1]), ("rate_limiter", 4), ("callback", "me"),
        ] as [(String, JSONValue)]
    )
    func `F22 a bad value is refused by name`(name: String, value: JSONValue) {
        let error = #expect(throws: WebSocketError.self) { try ConnectionOptions([name: value]) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("\"\(name)\"") == true)
    }

    @Test func `a header's value is not in the refusal`() {
        let error = #expect(throws: WebSocketError.self) {
            try ConnectionOptions(["headers": ["Authorization": ["s3cret"]]])
        }
        #expect(error?.description.contains("s3cret") == false)
        #expect(error?.message.contains("Authorization") == true)
    }
}
