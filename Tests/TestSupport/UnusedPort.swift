internal import Glibc

/// There is none.
package struct NoUnusedPort: Error {}

/// A port of the loopback interface on which nobody listens.
///
/// It is below those that the kernel gives to whoever asks for any (`ip_local_port_range` begins at 32,768): otherwise the
/// server of a test that runs beside may get it in the next moment.
package func unusedPort() throws -> Int {
    for _ in 0..<100 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        let port = UInt16.random(in: 20_000..<32_000)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        if isBound { return Int(port) }
    }
    throw NoUnusedPort()
}
