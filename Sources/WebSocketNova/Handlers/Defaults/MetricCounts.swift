internal import CoreMetrics
internal import Synchronization

/// What the copies of a ``DefaultMetricsHandler`` share: how it counts, and its sums.
final class MetricCounts: Sendable {
    /// The sums of one direction, which cost no lock.
    struct Direction: ~Copyable {
        // Unsigned, so that no sum that there can be is negative.
        private let messages = Atomic<UInt64>(0)
        private let bytes = Atomic<UInt64>(0)
        private let nanoseconds = Atomic<UInt64>(0)

        /// The amounts must not be negative.
        func add(_ messages: Int64, _ bytes: Int64) {
            self.messages.wrappingAdd(UInt64(clamping: messages), ordering: .relaxed)
            self.bytes.wrappingAdd(UInt64(clamping: bytes), ordering: .relaxed)
        }

        func add(latency: Int64) {
            self.nanoseconds.wrappingAdd(UInt64(clamping: latency), ordering: .relaxed)
        }

        var sums: (messages: Int, bytes: Int, latency: Duration) {
            (
                Int(clamping: self.messages.load(ordering: .relaxed)),
                Int(clamping: self.bytes.load(ordering: .relaxed)),
                .nanoseconds(Int64(clamping: self.nanoseconds.load(ordering: .relaxed)))
            )
        }
    }

    let factory: any MetricsFactory
    let measuresLatency: Bool
    let labelsHost: Bool
    let errorCodes: MetricLabels
    let hosts: MetricLabels

    let sent = Direction()
    let received = Direction()
    /// All sums but those of the messages.
    private let rest = Mutex(DefaultMetricsHandler.Totals())

    init(
        factory: any MetricsFactory,
        measuresLatency: Bool,
        labelsHost: Bool,
        errorCodes: MetricLabels,
        hosts: MetricLabels
    ) {
        self.factory = factory
        self.measuresLatency = measuresLatency
        self.labelsHost = labelsHost
        self.errorCodes = errorCodes
        self.hosts = hosts
    }

    func update(_ body: (inout DefaultMetricsHandler.Totals) -> Void) {
        self.rest.withLock { body(&$0) }
    }

    var totals: DefaultMetricsHandler.Totals {
        var totals = self.rest.withLock { $0 }
        let (sent, received) = (self.sent.sums, self.received.sums)
        (totals.messagesSent, totals.bytesSent, totals.messageSentLatency) = sent
        (totals.messagesReceived, totals.bytesReceived, totals.messageReceivedLatency) = received
        return totals
    }
}
