import Testing
import WebSocketCore

@Suite("A pin")
struct PublicKeyPinTests {
    /// The digest of the empty string.
    private let base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

    @Test func `is made of base64, with or without its prefix`() throws {
        let pin = PublicKeyPin(subjectPublicKeyInfo: [])
        #expect(try PublicKeyPin(self.base64) == pin)
        #expect(try PublicKeyPin("sha256/" + self.base64) == pin)
        #expect(try PublicKeyPin(sha256: pin.sha256) == pin)
        #expect(pin.description == "sha256/" + self.base64)
        #expect(pin.sha256.prefix(4) == [0xE3, 0xB0, 0xC4, 0x42])
    }

    @Test(arguments: [
        "", "sha256/", "sha1/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF==",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUA", " 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
        "47DEQpj8HBSa!/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "====", "\u{e4}\u{e4}",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    ])
    func `is refused as anything else`(text: String) throws {
        let error = #expect(throws: WebSocketError.self) { try PublicKeyPin(text) }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test(arguments: [0, 20, 31, 33])
    func `is refused with another number of bytes`(count: Int) {
        let error = #expect(throws: WebSocketError.self) {
            try PublicKeyPin(sha256: [UInt8](repeating: 0, count: count))
        }
        #expect(error?.message.contains("\(count) bytes") == true)
    }
}
