internal import WebSocketCore

// Fewer and larger reads while very much comes.
extension Connection {
    /// Something was read.
    func moderateReading(_ count: Int) {
        // Large messages have a mark of their own.
        guard self.awaitedBytes == 0, !self.readSize.isBeforeLargeMessage,
            self.moderation?.note(count, written: self.countWritten(), now: self.loop.now) == true
        else { return }
        if self.awaitBytes() { self.armModerationTimer() } else { self.moderation = nil }
    }

    /// Tells the channel how much is worth telling of.
    ///
    /// - Returns: whether it heeds that.
    @discardableResult
    func awaitBytes() -> Bool {
        self.channel?.awaitBytes(max(self.awaitedBytes, self.moderation?.awaitedBytes ?? 0)) ?? false
    }

    private func armModerationTimer() {
        guard let moderation else { return }
        self.moderationTimer = self.schedule(after: moderation.limits.delay) { $0.moderationTimerFired() }
    }

    private func moderationTimerFired() {
        self.moderationTimer = nil
        if !self.isReadingPaused, self.moderation?.timerFired(written: self.countWritten()) == true {
            self.armModerationTimer()
        } else {
            self.moderation?.end()
            // The channel then tells of what is there.
            self.awaitBytes()
        }
    }
}
