internal import CLibwebsockets
internal import Glibc
internal import WebSocketCore

/// The exchange of one ``ProxyHandshake`` with a proxy over a connected socket, which belongs to somebody else.
final class ProxyExchange {
    private let socket: Int32
    private let watcher: SocketWatcher
    private let told: (Event) -> Void
    private var handshake: ProxyHandshake
    private var unsent: ArraySlice<UInt8>
    private var hasToldRefusal = false
    private var hasEnded = false

    /// What there is to tell.
    enum Event {
        /// The head of a refusal; its outcome follows.
        case refused(HTTPResponseHead)
        /// Told once, last.
        case ended(ProxyHandshake.Outcome)
    }

    /// - Parameter told: called on the loop, and not after ``end()``.
    init(_ handshake: ProxyHandshake, socket: Int32, watcher: SocketWatcher, told: @escaping (Event) -> Void) {
        self.handshake = handshake
        self.unsent = handshake.request[...]
        self.socket = socket
        self.watcher = watcher
        self.told = told
    }

    /// Sends the request and waits for the answer.
    func begin() {
        self.send()
        self.watch()
    }

    /// Nobody is interested any more.
    func end() {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        self.watcher.unwatch(self.socket)
    }

    private func watch() {
        guard !self.hasEnded else { return }
        let events = self.unsent.isEmpty ? EPOLLIN : EPOLL_EVENTS(EPOLLIN.rawValue | EPOLLOUT.rawValue)
        // The watcher keeps this object until it ends.
        let isWatched = self.watcher.watch(self.socket, for: events) { self.becameReady($0) }
        if !isWatched { self.finish(.failed("its socket cannot be watched: \(describe(errno: errno))")) }
    }

    private func becameReady(_ events: UInt32) {
        if events & EPOLLOUT.rawValue != 0 {
            self.send()
            if self.unsent.isEmpty { self.watch() }
        }
        // An error shows up as one of reading.
        if events & ~EPOLLOUT.rawValue != 0 { self.receive() }
    }

    private func send() {
        guard !self.hasEnded, !self.unsent.isEmpty else { return }
        let count = self.unsent.withUnsafeBytes {
            Glibc.send(self.socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        }
        if count >= 0 {
            self.unsent = self.unsent.dropFirst(count)
        } else if errno != EAGAIN, errno != EINTR {
            // What the proxy said before it ended the connection counts for more.
            self.unsent = []
        }
    }

    private func receive() {
        while !self.hasEnded {
            var failure: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, initialized in
                let count = recv(self.socket, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
                failure = count < 0 ? errno : 0
                initialized = max(0, count)
            }
            if failure == EAGAIN || failure == EINTR { return }
            let outcome =
                if failure != 0 {
                    self.handshake.ended(describe(errno: failure))
                } else if bytes.isEmpty {
                    self.handshake.ended("it ended the connection")
                } else {
                    self.handshake.received(bytes)
                }
            if let refusal = self.handshake.refusal, !self.hasToldRefusal {
                self.hasToldRefusal = true
                self.told(.refused(refusal))
            }
            if let outcome { self.finish(outcome) }
        }
    }

    private func finish(_ outcome: ProxyHandshake.Outcome) {
        guard !self.hasEnded else { return }
        self.end()
        self.told(.ended(outcome))
    }
}
