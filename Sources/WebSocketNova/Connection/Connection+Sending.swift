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
        self.gatheringEnd = nil
        var writes = 0
        var least = 0
        var found = OutboundQueue.Found.something
        while channel.isWritable, writes < Self.writesPerTurn {
            if self.inflight.isEmpty {
                found = outbound.takePending(&self.inflight, atLeast: least)
                guard case .something = found else { break }
                self.gathering.foundMore()
                least = self.gathering.least
            }
            let bytes = UnsafeRawBufferPointer(rebasing: self.inflight.pending.prefix(Self.writeSize))
            guard channel.write(bytes) else { return self.writeFailed() }
            self.bytesHeld = bytes.count
            self.bytesWritten += UInt64(bytes.count)
            writes += 1
            self.inflight.consume(bytes.count)
        }
        let isWritable = channel.isWritable
        if isWritable { self.bytesHeld = 0 }
        self.noteWritten()
        if isWritable {
            outbound.update(outstanding: self.inflight.count)
            switch found {
            case .something: self.signal(.flush)
            case .tooLittle: self.gather()
            case .nothing: self.gathering.foundNothing()
            }
            // Not within this call: the handler's answers to what is read then are written by this function, and so on,
            // one call within the other for each message.
            if self.waitsForOutbound, self.isReadingPaused, outbound.isBelowLowWaterMark {
                self.signal(.resumeReading)
            }
        } else {
            outbound.update(outstanding: self.inflight.count + self.bytesHeld)
            channel.requestWritable()
        }
    }

    // MARK: Gathering

    /// Comes back before long for what waits, which is little.
    private func gather() {
        guard let delay = self.gathering.delay else { return }
        let end = self.loop.now + delay
        self.gatheringEnd = end
        if self.gatheringTimer == nil { self.armGatheringTimer(end) }
    }

    private func armGatheringTimer(_ end: Duration) {
        self.gatheringTimer = self.schedule(at: end) { $0.gatheringTimerFired() }
    }

    /// It is not taken back when what waits is written earlier, as it mostly is.
    private func gatheringTimerFired() {
        self.gatheringTimer = nil
        guard let end = self.gatheringEnd else { return }
        if self.loop.now < end { self.armGatheringTimer(end) } else { self.flush() }
    }

    /// Writes what is held back: the loop is at this connection anyway.
    func flushGathered() {
        if self.gatheringEnd != nil { self.flush() }
    }
}
