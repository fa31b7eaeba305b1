internal import LWSTransport
internal import WebSocketCore

// Deadlines of the opening, and that of an idle connection. The close deadline is with the closing.
extension Connection {
    // MARK: Opening

    func armOpenTimer() {
        guard let limit = self.plan?.configuration.deadlines.open else { return }
        self.openTimer = self.schedule(at: self.openingBegin + limit) { $0.openingTimedOut(.open, limit) }
    }

    /// The next phase of the opening has begun; that of the phase before it is over.
    func entered(_ phase: TransportPhase) {
        self.phase = phase
        if case .client(let client) = self.consumer { client.entered(phase) }
        self.cancelPhaseTimer()
        let deadlines = self.plan?.configuration.deadlines
        guard self.opening != nil, let limit = deadlines?.limit(for: phase) else { return }
        let kind = WebSocketError.Deadline.Kind(rawValue: phase.rawValue)
        self.phaseTimer = self.schedule(after: limit) { $0.openingTimedOut(kind, limit) }
    }

    func cancelOpeningTimers() {
        if let timer = self.openTimer.take() { self.loop.cancel(timer) }
        self.cancelPhaseTimer()
    }

    private func cancelPhaseTimer() {
        if let timer = self.phaseTimer.take() { self.loop.cancel(timer) }
    }

    private func openingTimedOut(_ kind: WebSocketError.Deadline.Kind, _ limit: Duration) {
        let phase = self.phase.rawValue
        let words =
            kind == .open
            ? "\(self.target) was not open after \(limit), in the phase \"\(phase)\" (deadlines.open)"
            : "\(self.target) was not open: the phase \"\(phase)\" took longer than \(limit) (deadlines.\(kind))"
        let tried = self.channel?.attemptSummary.map { "; tried \($0)" } ?? ""
        let deadline = WebSocketError.Deadline(kind, phase: .init(rawValue: phase), limit: limit)
        // A refusal whose body does not end is a refusal all the same.
        self.abandonOpening(self.openingFailure ?? WebSocketError(deadline, words + tried))
    }

    // MARK: Open and idle

    /// Something came.
    func noteHeard() {
        self.lastHeard = self.loop.coarseNow
    }

    /// Notes the time if any of what has been read was data.
    func noteData() {
        guard self.idleTimer != nil else { return }
        let bytes = self.bytesRead - self.controlBytesRead
        if bytes > self.dataBytesRead { self.lastData = self.lastHeard }
        self.dataBytesRead = bytes
    }

    /// A ping or pong was among what has been read.
    func noteControlFrame(_ payload: UnsafeRawBufferPointer) {
        // A server's frames have no mask, and lengths of up to 125 bytes are in the second byte.
        self.controlBytesRead += 2 + payload.count
    }

    func startIdleTimer() {
        guard let limit = self.settings.idleDeadline else { return }
        self.lastData = self.lastHeard
        self.armIdleTimer(at: self.lastHeard + limit, limit)
    }

    func stopIdleTimer() {
        if let timer = self.idleTimer.take() { self.loop.cancel(timer) }
    }

    private func armIdleTimer(at deadline: Duration, _ limit: Duration) {
        self.idleTimer = self.schedule(at: deadline) { $0.idleTimerFired(limit) }
    }

    private func idleTimerFired(_ limit: Duration) {
        self.readAwaited()
        self.idleTimer = nil
        guard self.lifecycle.state == .open else { return }
        let now = self.loop.now
        let end = max(self.lastData, self.lastResumed) + limit
        if self.isReadingPaused {
            self.armIdleTimer(at: now + limit, limit)
        } else if now < end {
            self.armIdleTimer(at: end, limit)
        } else {
            let words = "no message within \(limit)"
            self.deadlineError = WebSocketError(
                WebSocketError.Deadline(.idle, limit: limit),
                "\(words) (deadlines.idle)"
            )
            let frame = (try? CloseFrame(code: .goingAway, reason: words)) ?? Self.goingAway
            self.perform(self.lifecycle.closeRequested(frame))
        }
    }
}
