import Testing
import WebSocketCore

@Suite struct WebSocketKeyTests {
    @Test func computesTheExampleOfTheRFC() {
        // RFC 6455 section 1.3
        let key = WebSocketKey(nonce: Array("the sample nonce".utf8))
        #expect(key.value == "dGhlIHNhbXBsZSBub25jZQ==")
        #expect(key.accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(WebSocketKey(value: "dGhlIHNhbXBsZSBub25jZQ==") == key)
    }

    @Test func isSixteenRandomBytes() throws {
        let keys = try (0..<100).map { _ in try WebSocketKey.random().value }
        #expect(Set(keys).count == 100)
        // 16 bytes are 22 characters of base64 and two of padding.
        #expect(keys.allSatisfy { $0.utf8.count == 24 && $0.hasSuffix("==") && !$0.dropLast(2).contains("=") })
    }
}
