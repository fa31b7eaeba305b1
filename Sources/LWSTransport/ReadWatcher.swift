internal import CLibev
internal import Glibc

/// Learns that an open socket is readable without lws, whose way to tell of it is long: after each event its libev plugin
/// starts an idle watcher, for which libev looks at all sockets once more before it waits.
///
/// With libev only: a watcher of our own on the same descriptor. lws stays out of it by itself: it does not listen for more
/// until its own function for reading is called, which happens again at the end of the stream.
final class ReadWatcher {
    private let watcher: UnsafeMutablePointer<ev_io>
    private let loop: OpaquePointer
    private unowned let tunnel: Tunnel

    /// - Parameter tunnel: is told, and owns this.
    init(_ loop: OpaquePointer, descriptor: Int32, tunnel: Tunnel) {
        self.loop = loop
        self.tunnel = tunnel
        self.watcher = .allocate(capacity: 1)
        self.watcher.initialize(to: ev_io())
        nova_ev_io_init(self.watcher, becameReadable, descriptor, Int32(EV_READ))
        self.watcher.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        ev_io_start(loop, self.watcher)
    }

    deinit {
        ev_io_stop(self.loop, self.watcher)
        self.watcher.deallocate()
    }

    /// Tells of what is there, and of what comes. Does nothing if it does so already.
    func resume() {
        if self.watcher.pointee.active == 0 { ev_io_start(self.loop, self.watcher) }
    }

    /// Tells nothing more.
    func pause() { ev_io_stop(self.loop, self.watcher) }

    fileprivate func tell() { self.tunnel.socketIsReadable() }
}

private func becameReadable(_ loop: OpaquePointer?, _ watcher: UnsafeMutablePointer<ev_io>?, _ events: Int32) {
    guard let data = watcher?.pointee.data else { return }
    // Retained: what is told may release it.
    let target = Unmanaged<ReadWatcher>.fromOpaque(data).takeUnretainedValue()
    withExtendedLifetime(target) { target.tell() }
}
