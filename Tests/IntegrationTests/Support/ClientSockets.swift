import Glibc

/// A socket of this process, found by its peer.
struct ClientSocket {
    let descriptor: Int32

    /// Those that are connected to a port of the loopback interface.
    static func all(to port: Int) -> [ClientSocket] {
        (3..<1024).compactMap { descriptor in
            Self.address(descriptor, getpeername)?.port == port ? ClientSocket(descriptor: descriptor) : nil
        }
    }

    /// Where it connects from.
    var localHost: String? { Self.address(self.descriptor, getsockname)?.host }

    func option(_ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(self.descriptor, level, name, &value, &size)
        return value
    }

    private static func address(
        _ descriptor: Int32,
        _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> (host: String, port: Int)? {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(descriptor, $0, &size) }
        }
        guard status == 0, address.sin_family == sa_family_t(AF_INET) else { return nil }
        let host = UInt32(bigEndian: address.sin_addr.s_addr)
        let parts = [24, 16, 8, 0].map { String((host >> $0) & 0xFF) }
        return (parts.joined(separator: "."), Int(UInt16(bigEndian: address.sin_port)))
    }

    /// How many sockets on this host wait for an answer from 127.0.0.x at a port: SYN-SENT, 02 in proc(5).
    static func connectingCount(host: UInt8, port: Int) -> Int {
        guard let file = fopen("/proc/net/tcp", "r") else { return 0 }
        defer { fclose(file) }
        let hexadecimal = String(port, radix: 16, uppercase: true)
        let peer = "0\(host)00007F:" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
        var count = 0
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            let fields = String(decoding: text, as: UTF8.self).split(separator: " ")
            if fields.count > 3, fields[2] == peer, fields[3] == "02" { count += 1 }
        }
        return count
    }
}
