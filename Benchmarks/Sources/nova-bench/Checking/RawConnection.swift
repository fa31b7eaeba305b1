import Glibc

/// A TCP connection over which anything at all can be sent.
final class RawConnection {
    private let socket: Int32

    init(to server: ServerURL) throws {
        self.socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard self.socket >= 0 else { throw BenchmarkError(errno: errno, "cannot make a socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = server.port.bigEndian
        address.sin_addr.s_addr = inet_addr(server.host)
        let status = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw BenchmarkError(errno: errno, "cannot connect") }
        // An answer that does not come is a failure, not a hang.
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(self.socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(self.socket) }

    /// Sends all of it, as long as the peer takes it.
    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes {
                Glibc.send(self.socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard sent > 0 else { return }
            rest = rest.dropFirst(sent)
        }
    }

    func send(_ text: String) { self.send(Array(text.utf8)) }

    func endSending() { shutdown(self.socket, Int32(SHUT_WR)) }

    /// What comes, until there is as much, or the peer has closed.
    func receive(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes[filled...].withUnsafeMutableBytes { recv(self.socket, $0.baseAddress, $0.count, 0) }
            // A reset is an end too.
            guard got >= 0 || errno == ECONNRESET else { throw BenchmarkError(errno: errno, "no answer") }
            guard got > 0 else { break }
            filled += got
        }
        return Array(bytes.prefix(filled))
    }

    /// All that comes until the peer closes.
    func receiveToEnd() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while case let piece = try self.receive(4096), !piece.isEmpty { bytes += piece }
        return bytes
    }
}
