/// When a connection may leave what comes with the kernel until there is much of it, and for how long.
package struct ReadModerationLimits: Sendable, Hashable {
    /// How many bytes have to come for it to begin.
    package var least: Int

    /// In how short a time they have to come.
    package var window: Duration

    /// How many bytes are then awaited at a time.
    package var mark: Int

    /// How long they are awaited; twice as long at most.
    package var delay: Duration

    package init(least: Int, within window: Duration, mark: Int, delay: Duration) {
        self.least = least
        self.window = window
        self.mark = mark
        self.delay = delay
    }
}
