import Testing
import WebSocketCore

@testable import LWSTransport

@Suite("The local address")
struct LocalAddressTests {
    @Test func `an address is taken as it is`() throws {
        let ipv4 = try LocalAddress(of: "127.0.0.9")
        #expect(ipv4.matching("127.0.0.1") == "127.0.0.9")
        #expect(ipv4.matching("::1") == nil)
        let ipv6 = try LocalAddress(of: "::1")
        #expect(ipv6.matching("::1") == "::1")
        #expect(ipv6.matching("127.0.0.1") == nil)
    }

    @Test func `an interface has an address of each family`() throws {
        let loopback = try LocalAddress(of: "lo")
        #expect(loopback.matching("127.0.0.2") == "127.0.0.1")
        #expect(loopback.ipv6 == nil || loopback.ipv6 == "::1")
    }

    @Test(arguments: ["nova-none", "300.1.1.1", "example.com"])
    func `what is neither is refused by name`(interface: String) throws {
        let error = try #require(throws: WebSocketError.self) { try LocalAddress(of: interface) }
        #expect(error.code == .invalidConfiguration)
        #expect(error.message == "network.interface is \"\(interface)\", neither an IP address nor an interface")
    }
}
