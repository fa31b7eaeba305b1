internal import LWSTransport
internal import WebSocketCore

// The way of a byte out: queue, buffer, channel.
extension Connection {
    /// How much is passed to the channel at once. What the kernel does not take of it is copied once more by lws, so that it
    /// should not be much more than a socket's buffer; less would cost more system calls.
    private static let writeSize = 256 << 10
    /// How much is written before other connections have their turn.
    private static let writesPerTurn = 16

    func flushIfNeeded() {
        guard self.needsFlush else { return }
        self.needsFlush = false
        self.flush()
    }

    /// Writes what waits, as far as the channel takes it.
    func flush() {
        guard let channel, let outbound else { return }
        var written = 0
        var writes = 0
        while channel.isWritable, writes < Self.writesPerTurn {
            if self.inflight.isEmpty {
                outbound.takePending(&self.inflight)
                if self.inflight.isEmpty { break }
            }
            let bytes = UnsafeRawBufferPointer(rebasing: self.inflight.pending.prefix(Self.writeSize))
            guard channel.write(bytes) else { return }
            written = bytes.count
            writes += 1
            self.inflight.consume(written)
        }
        if channel.isWritable {
            outbound.update(outstanding: self.inflight.count)
            if !self.inflight.isEmpty { self.signal(.flush) }
            // Not within this call: the handler's answers to what is read then are written by this function, and so on,
            // one call within the other for each message.
            if case .handler = self.consumer, self.isReadingPaused, outbound.isBelowLowWaterMark {
                self.signal(.resumeReading)
            }
        } else {
            outbound.update(outstanding: self.inflight.count + written)
            channel.requestWritable()
        }
    }

    /// Sends a ping and waits for its pong.
    func ping() async throws -> Duration {
        let payload = self.pings.makePayload()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.send(ping: payload, continuation)
            }
        } onCancel: {
            Task { await self.cancelPing(payload) }
        }
    }

    private func send(ping payload: UInt64, _ continuation: CheckedContinuation<Duration, any Error>) {
        // The handler's task, if the cancellation was first, cannot have run in between: it needs this actor.
        if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
        guard let outbound else {
            return continuation.resume(throwing: WebSocketError(.connectionClosed, "the connection is not open"))
        }
        var wake = false
        do throws(WebSocketError) {
            var failure: WebSocketError?
            withUnsafeBytes(of: payload.bigEndian) { bytes in
                do throws(WebSocketError) { try outbound.appendPing(bytes, wake: &wake) } catch { failure = error }
            }
            if let failure { throw failure }
            self.pings.append(PendingPings.Ping(payload: payload, sent: self.loop.now, continuation: continuation))
            self.flush()
        } catch {
            continuation.resume(throwing: error)
        }
    }

    private func cancelPing(_ payload: UInt64) {
        self.pings.take(payload)?.continuation.resume(throwing: CancellationError())
    }
}
