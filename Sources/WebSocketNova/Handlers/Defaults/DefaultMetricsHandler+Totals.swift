extension DefaultMetricsHandler {
    /// Sums since the handler was made. Durations are sums as well: divided by the number of what was measured, means.
    public struct Totals: Sendable, Hashable {
        /// Transports that came up.
        public var connectionsOpened = 0
        /// Transports that came up and are gone.
        public var connectionsClosed = 0
        /// Those by reason: `local`, a close code from 1000 to 1015, `3xxx`, `4xxx`, the code of an error, or `other`.
        public var closesByReason: [String: Int] = [:]
        /// Transports that never came up.
        public var connectionsFailed = 0
        /// Those by reason.
        public var failuresByReason: [String: Int] = [:]
        /// Upgrades that were accepted.
        public var websocketUpgrades = 0
        /// How often the connection came back.
        public var reconnections = 0

        public var messagesSent = 0
        public var messagesReceived = 0
        /// Bytes of payload.
        public var bytesSent = 0
        /// Bytes of payload.
        public var bytesReceived = 0

        public var errors = 0
        /// Those by the code of the error, or `other`.
        public var errorsByCode: [String: Int] = [:]
        public var subscriptionsRestored = 0
        public var subscriptionRestorationsFailed = 0

        /// How long the transports that came up took to do so.
        public var connectionOpenDuration = Duration.zero
        /// How long the transports that are gone had been up.
        public var connectionCloseDuration = Duration.zero
        /// How long the answers to accepted upgrades took.
        public var websocketUpgradeDuration = Duration.zero
        /// How long the connection was lost, each time until it was back.
        public var reconnectGap = Duration.zero
        /// Zero unless latencies are measured.
        public var messageSentLatency = Duration.zero
        /// Zero unless latencies are measured.
        public var messageReceivedLatency = Duration.zero
        /// How long subscriptions took to be restored.
        public var subscriptionRestorationDuration = Duration.zero

        /// Nothing yet.
        public init() {}
    }
}
