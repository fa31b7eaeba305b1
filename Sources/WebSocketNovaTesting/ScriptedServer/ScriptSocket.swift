import Glibc

/// A listening or connected socket of a ``ScriptPlayer``. No call waits beyond the deadline or after the wake-up.
package struct ScriptSocket: ~Copyable {
    package enum Interruption: Error {
        /// The deadline passed.
        case deadline
        /// The server is stopped, or a test has something to say.
        case woken
        /// The client ended the stream where more was expected.
        case endOfStream
        /// The client reset the connection, or it broke.
        case broken(errno: Int32)
        /// TLS failed, and why.
        case tls(String)
    }

    /// The peer has shut down its side; Glibc's module leaves it out (`_GNU_SOURCE`).
    static let hangUpEvent: Int32 = 0x2000

    package let descriptor: Int32

    package init(taking descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        Glibc.close(self.descriptor)
    }

    // Making.

    /// Listens on a free port of 127.0.0.1.
    static func listening() throws(TestServerError) -> ScriptSocket {
        let descriptor = socket(AF_INET, Self.streamType, 0)
        guard descriptor >= 0 else { throw TestServerError("no socket: \(errorText(errno))") }
        let socket = ScriptSocket(taking: descriptor)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0, listen(descriptor, 128) == 0 else {
            throw TestServerError("cannot listen on the loopback interface: \(errorText(errno))")
        }
        return socket
    }

    /// Listens on a Unix socket: at a path, or with `@` and a name in the abstract namespace (unix(7)).
    static func listening(at path: String) throws(TestServerError) -> ScriptSocket {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        // The last byte of a path is a NUL.
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw TestServerError("the path of a Unix socket has \(bytes.count) bytes")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let size = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let descriptor = socket(AF_UNIX, Self.streamType, 0)
        guard descriptor >= 0 else { throw TestServerError("no socket: \(errorText(errno))") }
        let socket = ScriptSocket(taking: descriptor)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        guard code == 0, listen(descriptor, 128) == 0 else {
            throw TestServerError("cannot listen at \(path): \(errorText(errno))")
        }
        return socket
    }

    package static let streamType =
        Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)

    package var port: Int {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(self.descriptor, $0, &size) }
        }
        return code == 0 ? Int(UInt16(bigEndian: address.sin_port)) : 0
    }

    // Waiting.

    /// Waits for one of the events; none means to wait for the deadline or the wake-up only.
    func wait(for events: Int32, until deadline: ContinuousClock.Instant, wakeUp: borrowing WakeUp) throws(Interruption)
    {
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { throw .deadline }
            var sets = [
                // poll() leaves out a negative descriptor.
                pollfd(fd: events == 0 ? -1 : self.descriptor, events: Int16(events), revents: 0),
                pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            // Rounded up: a wait must not end before its deadline.
            let milliseconds = Int32(
                clamping: left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000 + 1
            )
            let count = poll(&sets, 2, milliseconds)
            if count < 0, errno != EINTR { throw .broken(errno: errno) }
            if sets[1].revents != 0 { throw .woken }
            if sets[0].revents != 0 { return }
        }
    }

    // Talking. Each of these tries once.

    /// The next client; nil if none waits.
    package func accept() throws(Interruption) -> ScriptSocket? {
        let client = Glibc.accept(self.descriptor, nil, nil)
        guard client >= 0 else {
            if Self.isTransient(errno) || errno == ECONNABORTED { return nil }
            throw .broken(errno: errno)
        }
        _ = fcntl(client, F_SETFL, O_NONBLOCK)
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        // Each write is to be a segment of its own.
        var on: Int32 = 1
        setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        return ScriptSocket(taking: client)
    }

    /// Appends what there is to read; false if there is nothing now.
    package func read(into bytes: inout [UInt8]) throws(Interruption) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(self.descriptor, &chunk, chunk.count, 0)
        if count > 0 {
            bytes += chunk.prefix(count)
            return true
        }
        if count == 0 { throw .endOfStream }
        if Self.isTransient(errno) { return false }
        throw .broken(errno: errno)
    }

    /// Sends a beginning of the bytes, and tells how many.
    package func write(_ bytes: ArraySlice<UInt8>) throws(Interruption) -> Int {
        let count = bytes.withUnsafeBytes { send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count >= 0 { return count }
        if Self.isTransient(errno) { return 0 }
        throw .broken(errno: errno)
    }

    private static func isTransient(_ code: Int32) -> Bool {
        code == EAGAIN || code == EWOULDBLOCK || code == EINTR
    }

    // Ending.

    package func shutdownWrite() {
        shutdown(self.descriptor, Int32(SHUT_WR))
    }

    /// Makes closing the socket a reset.
    package func resetOnClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Ends the socket's life here, which closes it.
    consuming func close() {}
}

/// Wakes a thread out of poll(): the descriptor is readable until ``clear()``.
package struct WakeUp: ~Copyable, Sendable {
    package let descriptor: Int32
    private let sender: Int32

    package init() throws(TestServerError) {
        // Glibc's module has no eventfd and no pipe2.
        var pair: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, ScriptSocket.streamType, 0, &pair) == 0 else {
            throw TestServerError("no pair of sockets: \(errorText(errno))")
        }
        self.descriptor = pair[0]
        self.sender = pair[1]
    }

    deinit {
        close(self.descriptor)
        close(self.sender)
    }

    package func wake() {
        // When the buffer is full, a wake-up is on its way.
        send(self.sender, [1], 1, Int32(MSG_NOSIGNAL))
    }

    package func clear() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while recv(self.descriptor, &bytes, bytes.count, 0) > 0 {}
    }
}
