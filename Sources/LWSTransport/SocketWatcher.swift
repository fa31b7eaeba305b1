internal import CLibwebsockets
internal import Glibc

/// Tells when sockets are ready that lws has in its own set and does not look at for a while.
///
/// It is an epoll instance, which is itself a descriptor in lws's set, as the loop's timer is. A duplicate of the socket's
/// descriptor would not do: epoll goes on to report one that was closed for as long as the socket lives, which libev answers
/// by making its own set anew, with one system call for each connection of the loop (ev_epoll.c). Out of this set a socket is
/// taken by name, and what is gone with its last descriptor leaves nothing.
final class SocketWatcher {
    /// Called with what the socket is ready for, a union of EPOLLIN, EPOLLOUT, EPOLLERR and EPOLLHUP.
    typealias Handler = (UInt32) -> Void

    /// How many sockets one turn of the loop serves; the others have the next.
    private static let batchSize = 64

    private let epoll: Int32
    private let wsi: OpaquePointer
    private var handlers: [Int32: Handler] = [:]

    init?(vhost: OpaquePointer) {
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { return nil }
        var file = lws_sock_file_fd_type()
        file.filefd = epoll
        let wsi = lws_adopt_descriptor_vhost(
            vhost,
            LWS_ADOPT_RAW_FILE_DESC,
            file,
            LWSCallbacks.watcherProtocolName,
            nil
        )
        guard let wsi else {
            close(epoll)
            return nil
        }
        self.epoll = epoll
        self.wsi = wsi
        lws_set_opaque_user_data(wsi, Unmanaged.passUnretained(self).toOpaque())
    }

    /// The context is about to be destroyed, and the descriptor with it.
    func forget() {
        // lws tells the end of every wsi to the first protocol, which takes what it finds there for an attempt.
        lws_set_opaque_user_data(self.wsi, nil)
        self.handlers = [:]
    }

    /// Watches a socket, or changes what for.
    ///
    /// - Returns: false if the system does not allow it.
    func watch(_ socket: Int32, for events: EPOLL_EVENTS, _ handler: @escaping Handler) -> Bool {
        var event = epoll_event()
        event.events = events.rawValue
        event.data.fd = socket
        let isNew = self.handlers[socket] == nil
        guard epoll_ctl(self.epoll, isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event) == 0 else { return false }
        self.handlers[socket] = handler
        return true
    }

    /// Watches a socket no longer. It may have been closed.
    func unwatch(_ socket: Int32) {
        guard self.handlers.removeValue(forKey: socket) != nil else { return }
        var event = epoll_event()
        epoll_ctl(self.epoll, EPOLL_CTL_DEL, socket, &event)
    }

    func socketsAreReady() {
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.batchSize) { events in
            let count = epoll_wait(self.epoll, events.baseAddress, Int32(events.count), 0)
            for event in events.prefix(max(0, Int(count))) {
                // One handler may have ended the watch of another.
                if let handler = self.handlers[event.data.fd] { handler(event.events) }
            }
        }
    }
}
