internal import WebSocketCore

// What a peer may cost that sends more than is read, or more pings than anybody needs.
extension Connection {
    // MARK: Reading

    /// Stops reading the socket; the kernel's buffer fills up, and TCP holds the peer back.
    func pauseReading() {
        guard !self.isReadingPaused else { return }
        self.isReadingPaused = true
        self.brokenSince = nil
        if self.pauseTimer == nil { self.armPauseTimer() }
    }

    /// Stops reading until what was sent from the loop has gone out.
    func pauseForOutbound() {
        self.waitsForOutbound = true
        self.pauseReading()
    }

    /// Whether what was sent from the loop has gone out.
    var mayResume: Bool {
        guard self.waitsForOutbound, let outbound else { return true }
        return outbound.isBelowLowWaterMark
    }

    /// Goes on where reading stopped, if it may.
    func resumeReading() {
        guard self.isReadingPaused, self.lifecycle.state != .atBarrier else { return }
        self.isReadingPaused = false
        self.waitsForOutbound = false
        self.decodeCarried()
        if self.isReadable, !self.isReadingPaused { self.readAvailable() }
    }

    /// How often a connection that does not read looks whether its stream has broken. Nothing tells it: a reset shows as an
    /// error with the next read, and the loop watches no descriptor that nobody reads.
    private static let pauseInterval = Duration.seconds(1)

    private func armPauseTimer() {
        // It is not taken back when reading goes on: pauses can be many and short.
        let interval = min(Self.pauseInterval, self.settings.closeDeadline)
        self.pauseTimer = self.schedule(after: interval) { $0.lookAtPausedStream() }
    }

    private func lookAtPausedStream() {
        self.pauseTimer = nil
        guard self.isReadingPaused, let channel, self.lifecycle.state != .closed else { return }
        if channel.isBroken {
            let now = self.loop.now
            let since = self.brokenSince ?? now
            self.brokenSince = since
            // What the peer sent before is still there to be read, for a reader that is only slow.
            if now - since >= self.settings.closeDeadline {
                self.abort("the TCP connection broke while unread messages held up reading", .reset, by: .transport)
                return
            }
        }
        self.armPauseTimer()
    }

    /// The stream takes nothing any more. Reading finds its end, and what came before that; but not while it pauses.
    func writeFailed() {
        guard self.isReadingPaused, self.lifecycle.state == .open else { return }
        switch self.consumer {
        case .handler,
            .client where self.waitsForOutbound:
            // It pauses until what cannot go out any more has gone out.
            self.abort("the peer left while what it was sent held up reading", .reset, by: .transport)
        case .queue, .client:
            // The reader may come to the peer's last words yet; senders have nothing to wait for.
            self.outbound?.fail(WebSocketError(.connectionClosed, "the peer takes nothing any more"))
        }
    }

    // MARK: Pings

    /// Answers a ping, at once or, when there are too many of them, the latest of a second at its end.
    func answerPing(_ payload: UnsafeRawBufferPointer) {
        if self.pingLimiter.admits(at: self.loop.now) {
            self.owedPong = nil
            self.appendPong(payload)
            return
        }
        // The array's memory is used again: a flood of pings does not become one of allocations.
        if self.owedPong == nil {
            self.owedPong = Array(payload)
        } else {
            self.owedPong?.replaceSubrange(0..., with: payload)
        }
        guard !self.isPongScheduled else { return }
        self.isPongScheduled = true
        _ = self.loop.schedule(at: self.pingLimiter.end) { [weak self] in
            self?.assumeIsolated { $0.payPong() }
        }
    }

    private func payPong() {
        self.isPongScheduled = false
        guard let payload = self.owedPong.take() else { return }
        payload.withUnsafeBytes { self.answerPing($0) }
        self.flushIfNeeded()
    }

    private func appendPong(_ payload: UnsafeRawBufferPointer) {
        var wake = false
        self.outbound?.appendPong(payload, wake: &wake)
        if wake { self.needsFlush = true }
    }
}
