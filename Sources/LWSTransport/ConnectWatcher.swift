internal import CLibev
internal import Glibc

/// Learns of the end of a TCP connect before lws does, in order to know why it failed: lws takes the reason off the socket,
/// tells "Unable to connect" for every one of them, and has closed the socket before it tells (client-handshake.c:437).
///
/// With libev only: a watcher of our own on the same descriptor, with a higher priority, at the cost of one system call for
/// each connection. The other event loops do not allow it; there the reason stays unknown.
final class ConnectWatcher {
    private let watcher: UnsafeMutablePointer<ev_io>
    private let loop: OpaquePointer
    private let ended: (Int32) -> Void

    /// - Parameter ended: is given the socket's error, 0 if it is connected; called once, outside of lws.
    init(_ loop: OpaquePointer, descriptor: Int32, ended: @escaping (Int32) -> Void) {
        self.loop = loop
        self.ended = ended
        self.watcher = .allocate(capacity: 1)
        self.watcher.initialize(to: ev_io())
        nova_ev_io_init(self.watcher, connectEnded, descriptor, Int32(EV_WRITE))
        self.watcher.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        ev_io_start(loop, self.watcher)
    }

    deinit {
        ev_io_stop(self.loop, self.watcher)
        self.watcher.deallocate()
    }

    fileprivate func end() {
        ev_io_stop(self.loop, self.watcher)
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        let status = getsockopt(self.watcher.pointee.fd, SOL_SOCKET, SO_ERROR, &code, &size)
        self.ended(status == 0 ? code : errno)
    }
}

private func connectEnded(_ loop: OpaquePointer?, _ watcher: UnsafeMutablePointer<ev_io>?, _ events: Int32) {
    guard let data = watcher?.pointee.data else { return }
    // Retained: what is told may release it.
    let target = Unmanaged<ConnectWatcher>.fromOpaque(data).takeUnretainedValue()
    withExtendedLifetime(target) { target.end() }
}
