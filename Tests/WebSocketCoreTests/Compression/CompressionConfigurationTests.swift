import Testing
import WebSocketCore

@Suite struct CompressionConfigurationTests {
    typealias Offer = CompressionConfiguration.Offer

    @Test func theDefaultsAreValid() throws {
        try CompressionConfiguration.defaults.validate()
        #expect(CompressionConfiguration.defaults == CompressionConfiguration())
        #expect(CompressionConfiguration.defaults.offers == [.standard])
    }

    @Test(arguments: [
        (CompressionConfiguration(level: -2), "compression level is -2, not in -1...9"),
        (CompressionConfiguration(level: 10), "compression level is 10, not in -1...9"),
        (CompressionConfiguration(memoryLevel: 0), "compression memoryLevel is 0, not in 1...9"),
        (CompressionConfiguration(memoryLevel: 10), "compression memoryLevel is 10, not in 1...9"),
        (CompressionConfiguration(threshold: -1), "compression threshold is -1, less than 0"),
        (CompressionConfiguration(offers: []), "compression offers is empty"),
        (
            CompressionConfiguration(offers: [Offer(), Offer(serverMaxWindowBits: 7)]),
            "compression serverMaxWindowBits is 7, not in 8...15"
        ),
        (
            CompressionConfiguration(offers: [Offer(serverMaxWindowBits: 16)]),
            "compression serverMaxWindowBits is 16, not in 8...15"
        ),
        (
            CompressionConfiguration(offers: [Offer(clientMaxWindowBits: .atMost(7))]),
            "compression clientMaxWindowBits is 7, not in 8...15"
        ),
        (
            CompressionConfiguration(offers: [Offer(clientMaxWindowBits: .atMost(16))]),
            "compression clientMaxWindowBits is 16, not in 8...15"
        ),
    ])
    func refuses(configuration: CompressionConfiguration, reason: String) throws {
        let error = try #require(throws: WebSocketError.self) { try configuration.validate() }
        #expect(error.code == .invalidConfiguration)
        #expect(error.message.hasPrefix(reason), "\(error.message)")
    }

    @Test func takesTheEndsOfEveryRange() throws {
        for (level, memoryLevel, bits) in [(-1, 1, 8), (9, 9, 15)] {
            let offer = Offer(serverMaxWindowBits: bits, clientMaxWindowBits: .atMost(bits))
            try CompressionConfiguration(offers: [offer], level: level, memoryLevel: memoryLevel, threshold: 0)
                .validate()
        }
    }
}
