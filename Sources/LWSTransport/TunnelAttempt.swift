internal import CLibwebsockets
internal import Glibc
internal import WebSocketCore

/// One try to reach one address: one wsi of lws, with a handle of its own.
///
/// A tunnel may have several at a time. The first whose TCP connection is up wins: it becomes the tunnel's stream, and the
/// tunnel kills the others. lws holds a reference to an attempt, as the wsi's opaque pointer, from
/// `lws_client_connect_via_info` to `WSI_DESTROY`; what it tells is about this attempt's wsi and no other.
final class TunnelAttempt {
    let tunnel: Tunnel
    /// Numeric; for a Unix socket lws's notation of its path.
    let address: String
    /// Never leaves the transport, and is nil from `WSI_DESTROY` on: lws uses addresses again.
    private(set) var wsi: OpaquePointer?
    /// Why it ended, in lws's words or ours; the first words count.
    private(set) var failure: String?
    /// The connection came up after another one had won.
    private var isTooLate = false
    private var isDoomed = false
    /// While the TCP connect is under way, if the event loop allows it.
    private var watcher: ConnectWatcher?
    // `lws_client_connect_via_info` returns nil when it fails at once, in some cases after a `WSI_DESTROY`, in others
    // without one.
    private var isInConnect = false
    private var wasDestroyed = false

    init(tunnel: Tunnel, address: String) {
        self.tunnel = tunnel
        self.address = address
    }

    /// Has lws begin. Not within a callback of lws.
    ///
    /// - Parameter begin: the call, which is given the handle for `opaque_user_data` and returns the wsi.
    /// - Returns: false if it is over already; the tunnel is not told of that.
    func start(_ begin: (UnsafeMutableRawPointer) -> OpaquePointer?) -> Bool {
        let handle = Unmanaged.passRetained(self)
        self.isInConnect = true
        // What the system says stays there when lws fails within the call: it makes no other calls that fail.
        errno = 0
        let wsi = begin(handle.toOpaque())
        let code = errno
        self.isInConnect = false
        if let wsi, !self.wasDestroyed {
            self.wsi = wsi
            self.watch(wsi)
            return true
        }
        // No wsi was made, and none will be destroyed: give back what that would have released.
        if !self.wasDestroyed { handle.release() }
        if code != 0 { self.failed(describe(errno: code)) }
        return false
    }

    private func watch(_ wsi: OpaquePointer) {
        guard self.tunnel.winner !== self, let loop = self.tunnel.core.backend.libevLoop else { return }
        self.watcher = ConnectWatcher(loop, descriptor: lws_get_socket_fd(wsi)) { [unowned self] code in
            // The attempt owns the watcher.
            self.connectEnded(code)
        }
    }

    private func connectEnded(_ code: Int32) {
        self.watcher = nil
        guard code != 0 else { return }
        self.failed(describe(errno: code))
        // Before lws looks: the error is off the socket, and lws would take it for connected.
        self.kill()
    }

    func failed(_ words: String) {
        if self.failure == nil { self.failure = words }
    }

    /// Notes the wsi to be closed between this turn of the loop and the next.
    func doom() {
        guard !self.isDoomed else { return }
        self.isDoomed = true
        self.tunnel.core.doom(self)
    }

    /// Closes the wsi; called between two turns of the loop, never within a callback.
    func kill() {
        guard let wsi else { return }
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC)
    }

    // MARK: The socket

    var isConnected: Bool {
        guard let wsi else { return false }
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(lws_get_socket_fd(wsi), $0, &size) == 0 }
        }
    }

    /// - Returns: what could not be set, in words.
    func apply(_ network: NetworkConfiguration) -> String? {
        guard let wsi else { return nil }
        let isUnix = self.tunnel.request.endpoint.unixPath != nil
        return SocketOptions.apply(network, to: lws_get_socket_fd(wsi), isUnix: isUnix)
    }

    // MARK: What lws tells

    /// The TCP connection is up. lws does not look at an answer, and goes on with TLS or the request within the same call.
    func lwsDidConnect(_ wsi: OpaquePointer) {
        self.wsi = wsi
        self.watcher = nil
        guard !self.tunnel.attemptDidConnect(self) else { return }
        // Nothing of the upgrade, nor of TLS, may reach this server as well.
        self.isTooLate = true
        shutdown(lws_get_socket_fd(wsi), Int32(SHUT_RDWR))
        self.doom()
    }

    func lwsWillSendRequest(_ position: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>, _ room: Int) -> Int32 {
        guard !self.isTooLate else { return -1 }
        return self.tunnel.lwsWillSendRequest(position, room)
    }

    func lwsDidDestroy() {
        self.wsi = nil
        self.watcher = nil
        self.wasDestroyed = true
        // Balances `start`; the tunnel keeps `self` until it has been told.
        Unmanaged.passUnretained(self).release()
        // Within the call that starts it, `start` returns what became of it.
        if !self.isInConnect { self.tunnel.attemptDidEnd(self) }
    }
}
