import Testing
import WebSocketCore

@Suite("The configuration of TLS")
struct TLSConfigurationTests {
    private func refusal(_ change: (inout TLSConfiguration) -> Void) -> String? {
        var configuration = TLSConfiguration()
        change(&configuration)
        let error = #expect(throws: WebSocketError.self) { try configuration.validate() }
        #expect(error?.code == .invalidConfiguration)
        return error?.message
    }

    @Test func `is valid by default, and with everything set`() throws {
        var configuration = TLSConfiguration()
        try configuration.validate()
        configuration.serverName = "192.0.2.1"
        configuration.minimumVersion = .tls12
        configuration.maximumVersion = .tls12
        configuration.cipherList = "HIGH"
        configuration.cipherSuites = "TLS_AES_128_GCM_SHA256"
        try configuration.validate()
    }

    @Test func `is refused with what cannot work`() {
        #expect(self.refusal { $0.serverName = "a b" }?.contains("tls.serverName is \"a b\"") == true)
        #expect(self.refusal { $0.cipherList = "a\u{0}" }?.contains("tls.cipherList") == true)
        #expect(self.refusal { $0.cipherSuites = "" }?.contains("tls.cipherSuites") == true)
        let message = self.refusal {
            $0.minimumVersion = .tls13
            $0.maximumVersion = .tls12
        }
        #expect(message == "tls.maximumVersion is TLS 1.2, below tls.minimumVersion, TLS 1.3")
    }

    @Test func `is insecure without verification and without pins only`() throws {
        var configuration = TLSConfiguration()
        #expect(!configuration.isUnauthenticated)
        configuration.certificateVerification = .none
        #expect(configuration.isUnauthenticated)
        configuration.pins = [try PublicKeyPin(sha256: [UInt8](repeating: 1, count: 32))]
        #expect(!configuration.isUnauthenticated)
    }

    @Test func `is equal by its content`() {
        let bytes = [UInt8](repeating: 1, count: 1_000)
        var other = bytes
        other[0] = 2
        func configuration(_ bytes: [UInt8]) -> TLSConfiguration { TLSConfiguration(trustRoots: .pem(bytes)) }
        #expect(configuration(bytes) == configuration(bytes))
        #expect(configuration(bytes).hashValue == configuration(bytes.map { $0 }).hashValue)
        #expect(configuration(bytes) != configuration(other))
        #expect(configuration(bytes) != TLSConfiguration(trustRoots: .file("1")))
    }
}
