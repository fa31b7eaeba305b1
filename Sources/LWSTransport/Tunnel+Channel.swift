internal import CLibwebsockets
internal import Glibc
internal import WebSocketCore

// What the connection asks for.
extension Tunnel: TransportChannel {
    var scratch: UnsafeMutableRawBufferPointer { self.core.scratch }

    /// Of TLS each read of lws's brings one record, of 16 KiB at most (RFC 8446 section 5.1). After a large one there is mostly
    /// another, and the reader should not be woken for each.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var filled = self.readOnce(into: buffer)
        guard self.isSecure else { return filled }
        var last = filled
        while last >= Self.largeRecord, buffer.count - filled >= Self.maximumRecord {
            last = self.readOnce(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            filled += last
        }
        return filled
    }

    /// The request that says so is gone.
    var isSecure: Bool { self.wsi.map { lws_is_ssl($0) != 0 } ?? false }

    private static let maximumRecord = 16 << 10
    private static let largeRecord = 8 << 10

    private func readOnce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        self.core.assertOnLoop()
        if !self.leftover.isEmpty { return self.readLeftover(into: buffer) }
        guard self.hasStream, let wsi, !self.streamEnded, !self.isDoomed else { return 0 }
        var failure: Int32 = 0
        self.hasRead = true
        if let readWatcher {
            let count = recv(lws_get_socket_fd(wsi), buffer.baseAddress, buffer.count, 0)
            if count > 0 || buffer.isEmpty {
                readWatcher.resume()
                return count
            }
            failure = count < 0 ? errno : 0
            if failure == EAGAIN || failure == EINTR {
                readWatcher.resume()
                return 0
            }
            // lws is to find the end as well.
            self.readWatcher = nil
        }
        self.detachHeaders()
        self.readTarget = buffer
        self.readCount = 0
        var pointer = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
        var count = Int32(clamping: buffer.count)
        // The end of the stream sets none.
        errno = 0
        let status = lws_http_client_read(wsi, &pointer, &count)
        let code = failure == 0 ? errno : failure
        if status < 0 {
            self.streamEnded = true
            self.readFailed(code)
            // Within its callback lws closes the wsi itself, by the value that is returned there.
            if !self.isInReadCallback { self.doom() }
        }
        if !self.leftover.isEmpty { self.tellReadable() }
        return self.readCount
    }

    /// Sets SO_RCVLOWAT (socket(7)), which poll and epoll heed for TCP: a large message then takes a few turns of the loop and
    /// reads in place of one for each few packets. The end of the stream, an error and a window that is full are told all the
    /// same (tcp_poll in the kernel).
    ///
    /// Not for TLS, where some of what is awaited can be with OpenSSL already.
    func awaitBytes(_ count: Int) -> Bool {
        guard let wsi, self.state == .open, !self.isSecure else { return false }
        var mark = count < Self.leastAwaited ? 1 : Int32(min(count, Self.mostAwaited))
        guard mark != self.receiveLowWaterMark else { return true }
        self.receiveLowWaterMark = mark
        setsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_RCVLOWAT, &mark, socklen_t(MemoryLayout.size(ofValue: mark)))
        return true
    }

    /// Below, setting the mark and taking it back costs more than it saves.
    private static let leastAwaited = 128 << 10
    /// The kernel makes room in the socket's buffer for twice as much.
    private static let mostAwaited = 1 << 20

    /// Whether lws has taken a head, and gives what follows it.
    private var hasStream: Bool { self.state == .open || self.state == .refused || self.followingHead != nil }

    /// Tells the delegate once more that there may be something to read, since lws does not tell of what it has given.
    func tellReadable() {
        self.hasToTellReadable = true
        self.loop.wake(self)
    }

    func readLeftover(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, self.leftover.count)
        self.leftover.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        self.leftover.removeFirst(count)
        // Behind it too: lws tells of more only after a read of its own.
        self.tellReadable()
        return count
    }

    var isFlushed: Bool { self.wsi.map { lws_partial_buffered($0) == 0 } ?? true }

    var isWritable: Bool {
        self.state == .open && !self.isDoomed && !self.closesWhenFlushed && !self.isWriteBroken && self.wsi != nil
            && self.isFlushed
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        self.core.assertOnLoop()
        guard let wsi, self.isWritable, let base = bytes.baseAddress else { return bytes.isEmpty }
        // lws does not modify what it sends raw; the parameter is not const because other kinds of writes mask in place.
        let pointer = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: UInt8.self))
        if lws_write(wsi, pointer, bytes.count, nova_lws_write_raw) < 0 {
            // Else reading goes on to the end, and finds what the peer said before it left.
            if !self.writeFailed(errno) { self.doom() }
            return false
        }
        return true
    }

    var writer: (any TransportWriter)? {
        self.core.assertOnLoop()
        // OpenSSL's sessions are for one thread at a time, and of a Unix socket the kernel does not tell what has arrived.
        guard let wsi, !self.isSecure, self.request.endpoint.unixPath == nil, !self.isDoomed else { return nil }
        if self.socketWriter == nil { self.socketWriter = SocketWriter(descriptor: lws_get_socket_fd(wsi)) }
        return self.socketWriter
    }

    func requestWritable() {
        self.core.assertOnLoop()
        // A broken one would be told to be writable again and again.
        guard let wsi, self.state == .open, !self.isDoomed, !self.isWriteBroken else { return }
        self.isWritableAwaited = true
        lws_callback_on_writable(wsi)
    }

    func close() {
        self.core.assertOnLoop()
        guard self.state != .closed, self.closure == nil else { return }
        self.closure = .local
        if self.state == .open, !self.isFlushed {
            self.closesWhenFlushed = true
        } else {
            self.end()
        }
    }

    func abort() {
        self.core.assertOnLoop()
        guard self.state != .closed, !self.isDoomed else { return }
        self.closure = self.closure ?? .local
        if let wsi {
            // Otherwise lws goes on flushing what it has buffered for 5 s (close.c), and a peer that does not read
            // holds the socket.
            let descriptor = lws_get_socket_fd(wsi)
            if descriptor >= 0 {
                var linger = linger(l_onoff: 1, l_linger: 0)
                setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
                if !self.isFlushed { shutdown(descriptor, Int32(SHUT_RDWR)) }
            }
        }
        self.end()
    }

    /// The loop ends; every connection on it does.
    func loopWillShutDown() {
        guard self.state != .closed else { return }
        let words = self.state == .open ? "the event loop was shut down" : "the event loop was shut down while opening"
        self.closure = .failed(WebSocketError(.loopShutDown, words))
        self.abort()
    }
}
