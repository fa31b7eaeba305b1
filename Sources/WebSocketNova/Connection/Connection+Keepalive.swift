internal import LWSTransport
internal import WebSocketCore

// Pings of the connection's own, and what comes of their answers.
extension Connection {
    func startKeepalive() {
        let configuration = self.settings.keepalive
        guard configuration.isEnabled else { return }
        let monitor = KeepaliveMonitor(configuration, jitter: .random(in: 0...1))
        self.keepalive = monitor
        // Many connections that are opened at once get a ping early, but not at once.
        self.armKeepaliveTimer(at: self.lastHeard + monitor.period * .random(in: 0.5...1))
    }

    func stopKeepalive() {
        self.keepalive = nil
        if let timer = self.keepaliveTimer.take() { self.loop.cancel(timer) }
    }

    private func armKeepaliveTimer(at deadline: Duration) {
        self.keepaliveTimer = self.schedule(at: deadline) { $0.keepaliveTimerFired() }
    }

    private func keepaliveTimerFired() {
        self.keepaliveTimer = nil
        self.readAwaited()
        // From the Close frame on, the close deadline watches over the end.
        guard self.lifecycle.state == .open else { return self.stopKeepalive() }
        let seen = KeepaliveMonitor.Observation(
            now: self.loop.now,
            heard: self.lastHeard,
            resumed: self.lastResumed,
            isReadingPaused: self.isReadingPaused
        )
        switch self.keepalive?.timerFired(seen, progress: { self.progress }) {
        case .wait(let deadline):
            self.armKeepaliveTimer(at: deadline)
        case .ping(let deadline):
            self.sendKeepalivePing(at: seen.now)
            self.armKeepaliveTimer(at: deadline)
        case .giveUp(let reason):
            self.keepaliveFailed(reason)
        case nil:
            break
        }
    }

    private func sendKeepalivePing(at now: Duration) {
        let payload = self.pings.makePayload()
        // Nothing can be sent only when the connection is about to end.
        guard let end = try? self.appendPing(payload) else { return }
        self.pings.append(
            PendingPings.Ping(id: self.pings.makeID(), payload: payload, end: end, sent: now, isOwn: true)
        )
        self.flush()
    }

    func keepalivePingWritten(at now: Duration) {
        self.keepalive?.pingWritten(at: now, progress: { self.progress })
    }

    /// Where the kernel does not tell, what it has taken counts.
    private var progress: TransportProgress {
        self.channel?.progress ?? TransportProgress(acknowledged: self.bytesWritten, outstanding: 0)
    }

    private func keepaliveFailed(_ reason: KeepaliveMonitor.Reason) {
        let limit = self.settings.keepalive.timeout
        let words =
            switch reason {
            case .noPong: "no pong within \(limit)"
            case .nothingTaken: "the peer took nothing, and sent nothing, for \(limit)"
            }
        self.deadlineError = WebSocketError(
            WebSocketError.Deadline(.keepalive, limit: limit),
            "\(words) (keepalive.timeout)"
        )
        // The peer's end or the network's, not one that this side wanted.
        self.abort(words, by: .transport)
    }
}
