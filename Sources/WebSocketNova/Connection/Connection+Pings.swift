internal import LWSTransport
internal import Synchronization
internal import WebSocketCore

// Pings that the user asks for, and the pongs to all.
extension Connection {
    /// Sends a ping and waits for its pong.
    ///
    /// - Parameter payload: at most 125 bytes; nil for some that the peer cannot guess.
    func ping(_ payload: [UInt8]?) async throws -> Duration {
        let id = self.pings.makeID()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.sendPing(id, payload ?? self.pings.makePayload(), continuation)
            }
        } onCancel: {
            Task { await self.giveUpPing(id) }
        }
    }

    private func sendPing(_ id: UInt64, _ payload: [UInt8], _ continuation: CheckedContinuation<Duration, any Error>) {
        // The handler's task, if the cancellation was first, cannot have run in between: it needs this actor.
        if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
        do throws(WebSocketError) {
            let limit = self.settings.pendingPings
            guard self.pings.count < limit else {
                throw WebSocketError(
                    .tooManyPings,
                    "\(self.pings.count) pings wait for their pongs already (limits.pendingPings)"
                )
            }
            let ping = PendingPings.Ping(
                id: id,
                payload: payload,
                end: try self.appendPing(payload),
                sent: self.loop.now,
                continuation: continuation
            )
            self.pings.append(ping)
        } catch {
            return continuation.resume(throwing: error)
        }
        self.flush()
    }

    /// Puts a ping into the queue.
    ///
    /// - Returns: where it ends in the stream of bytes that go out.
    func appendPing(_ payload: [UInt8]) throws(WebSocketError) -> UInt64 {
        guard let outbound else { throw WebSocketError(.connectionClosed, "the connection is not open") }
        var wake = false
        let waiting = try payload.withBytes { bytes throws(WebSocketError) in
            try outbound.appendPing(bytes, wake: &wake)
        }
        return self.bytesWritten + UInt64(self.inflight.count + waiting)
    }

    private func giveUpPing(_ id: UInt64) {
        self.pings.giveUp(id)?.resume(throwing: CancellationError())
    }

    /// The channel may have passed bytes on to the kernel.
    func noteWritten() {
        guard self.pings.hasUnwritten else { return }
        let now = self.loop.now
        let written = self.countWritten()
        let position = written - UInt64(self.bytesHeld)
        if self.pings.written(upTo: position, taken: written, at: now) { self.keepalivePingWritten(at: now) }
    }

    /// How many bytes have been written, by this thread and others.
    func countWritten() -> UInt64 {
        self.bytesWritten += UInt64(self.outbound?.takeWrittenElsewhere() ?? 0)
        return self.bytesWritten
    }

    func pongReceived(_ payload: UnsafeRawBufferPointer) {
        let answered = self.pings.takeAnswered(by: payload)
        guard let latest = answered.last else { return }
        let now = self.loop.now
        self.roundTripTime.withLock { time in
            if time == nil { time = RoundTripTime(now - latest.sent) } else { time?.add(now - latest.sent) }
        }
        for ping in answered { ping.continuation?.resume(returning: now - ping.sent) }
    }
}
