import Testing
import WebSocketCore

@Suite("NetworkConfiguration")
struct NetworkConfigurationTests {
    private static func with(_ change: (inout NetworkConfiguration) -> Void) -> NetworkConfiguration {
        var configuration = NetworkConfiguration()
        change(&configuration)
        return configuration
    }

    private static func keepalive(
        _ change: (inout NetworkConfiguration.TCPKeepalive) -> Void
    ) -> NetworkConfiguration {
        var keepalive = NetworkConfiguration.TCPKeepalive()
        change(&keepalive)
        return Self.with { $0.tcpKeepalive = keepalive }
    }

    @Test(arguments: [
        ("network.attemptDelay", Self.with { $0.attemptDelay = .milliseconds(9) }),
        ("network.attemptDelay", Self.with { $0.attemptDelay = .milliseconds(2_001) }),
        ("network.tcpKeepalive.idle", Self.keepalive { $0.idle = .milliseconds(999) }),
        ("network.tcpKeepalive.idle", Self.keepalive { $0.idle = .seconds(32_768) }),
        ("network.tcpKeepalive.interval", Self.keepalive { $0.interval = .zero }),
        ("network.tcpKeepalive.count", Self.keepalive { $0.count = 0 }),
        ("network.tcpKeepalive.count", Self.keepalive { $0.count = 128 }),
        ("network.receiveBufferSize", Self.with { $0.receiveBufferSize = 1_023 }),
        ("network.sendBufferSize", Self.with { $0.sendBufferSize = (1 << 30) + 1 }),
        ("network.userTimeout", Self.with { $0.userTimeout = .zero }),
        ("network.userTimeout", Self.with { $0.userTimeout = .seconds(25 * 86_400) }),
        ("network.interface", Self.with { $0.interface = "" }),
        ("network.interface", Self.with { $0.interface = "eth 0" }),
        ("network.interface", Self.with { $0.interface = String(repeating: "1", count: 65) }),
    ])
    func `a value out of range is refused by name`(name: String, configuration: NetworkConfiguration) throws {
        let error = try #require(throws: WebSocketError.self) { try configuration.validate() }
        #expect(error.code == .invalidConfiguration)
        #expect(error.message.hasPrefix("\(name) is "), "\(error.message)")
    }

    @Test(arguments: [
        NetworkConfiguration(),
        Self.with { $0.attemptDelay = .milliseconds(10) },
        Self.with { $0.attemptDelay = .seconds(2) },
        Self.keepalive { $0 = NetworkConfiguration.TCPKeepalive() },
        Self.keepalive { $0.idle = .seconds(32_767) },
        Self.with { $0.receiveBufferSize = 1 << 10 },
        Self.with { $0.sendBufferSize = 1 << 30 },
        Self.with { $0.userTimeout = .seconds(24 * 86_400) },
        Self.with { $0.interface = "fe80::1%eth0" },
    ])
    func `a value in range is taken`(configuration: NetworkConfiguration) {
        #expect(throws: Never.self) { try configuration.validate() }
    }

    @Test func `a family tells its addresses`() {
        let addresses = ["127.0.0.1", "::1", "fe80::1%2"]
        #expect(addresses.map(NetworkConfiguration.AddressFamily.any.includes) == [true, true, true])
        #expect(addresses.map(NetworkConfiguration.AddressFamily.ipv4.includes) == [true, false, false])
        #expect(addresses.map(NetworkConfiguration.AddressFamily.ipv6.includes) == [false, true, true])
    }
}
