import Glibc
import Synchronization

/// Passes on what comes, and counts it: what a contestant puts on the wire, whatever it is written in.
///
/// A thread for each connection, which ends with it; the one that accepts ends with the relay.
final class WireRelay: Sendable {
    /// Where to connect instead of to the server.
    let url: String
    private let server: ServerURL
    private let listener: Int32
    private let counter = Counter()

    /// So far, of both directions.
    var bytes: Int { self.counter.bytes.load(ordering: .relaxed) }

    /// By itself, so that the threads do not keep the relay.
    private final class Counter: Sendable {
        let bytes = Atomic(0)
    }

    init(to url: String) throws {
        self.server = try ServerURL(url)
        var address = Self.loopback(port: 0)
        self.listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        // No process that is started meanwhile may hold it.
        _ = fcntl(self.listener, F_SETFD, FD_CLOEXEC)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = self.listener
        let isListening = Self.withAddress(&address) { address in
            bind(listener, address, size) == 0 && listen(listener, 64) == 0
                && getsockname(listener, address, &size) == 0
        }
        self.url = "ws://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        guard isListening else {
            close(listener)
            throw BenchmarkError(errno: errno, "cannot listen")
        }
        let (server, counter) = (self.server, self.counter)
        DetachedThread.run {
            while true {
                let client = Glibc.accept(listener, nil, nil)
                guard client >= 0 else { return }
                DetachedThread.run { Self.relay(client, to: server, counter) }
            }
        }
    }

    deinit {
        // Ends accept() as well, which close() alone would not.
        shutdown(self.listener, Int32(SHUT_RDWR))
        close(self.listener)
    }

    private static func relay(_ client: Int32, to server: ServerURL, _ counter: Counter) {
        var address = Self.loopback(port: server.port)
        let upstream = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer {
            close(client)
            close(upstream)
        }
        for end in [client, upstream] {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            var on: Int32 = 1
            setsockopt(end, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        let isConnected = Self.withAddress(&address) { address in
            connect(upstream, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
        guard isConnected else { return }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var ends = [
            pollfd(fd: client, events: Int16(POLLIN), revents: 0),
            pollfd(fd: upstream, events: Int16(POLLIN), revents: 0),
        ]
        while ends.contains(where: { $0.fd >= 0 }), poll(&ends, nfds_t(ends.count), -1) > 0 {
            for (index, other) in [upstream, client].enumerated() where ends[index].revents != 0 {
                let count = read(ends[index].fd, &buffer, buffer.count)
                // Before it goes on: who has got it may look at the count.
                if count > 0 { counter.bytes.add(count, ordering: .relaxed) }
                if count <= 0 || !Self.writeAll(other, buffer[..<count]) {
                    // Half of the connection has ended; the other half may still bring something.
                    shutdown(other, Int32(SHUT_WR))
                    ends[index].fd = -1
                }
            }
        }
    }

    private static func writeAll(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                let count = send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return false }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            }
            return true
        }
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return address
    }

    private static func withAddress<Result>(
        _ address: inout sockaddr_in,
        _ body: (UnsafeMutablePointer<sockaddr>) -> Result
    ) -> Result {
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
        }
    }
}
