public import CoreMetrics
internal import WebSocketCore

/// Counts and measures with swift-metrics; <doc:Telemetry> has the table of its metrics.
///
/// The sums are also kept in ``totals``, which needs no backend.
///
/// Labels have a bounded number of values: close codes of services are put together as `3xxx` and `4xxx`, and of the codes of
/// errors, which are an open set, the first 64 of the process are counted by name, all others as `other`. A peer cannot make
/// time series.
public struct DefaultMetricsHandler: MetricsHandler {
    /// Whether the latency of each message is measured, at the cost of one more call for each. Default: false.
    public let measuresLatency: Bool
    /// What was counted since the handler was made.
    public private(set) var totals = Totals()

    private let labelsHost: Bool
    private let errorCodes: MetricLabels
    private let hosts: MetricLabels
    private let factory: any MetricsFactory
    private var instruments: MetricInstruments

    /// Makes a handler with the defaults, for the backend that `MetricsSystem.bootstrap` has been given.
    ///
    /// As for every metric of swift-metrics, the backend counts that is there now.
    public init() {
        self.init(factory: MetricsSystem.factory)
    }

    /// Makes a handler.
    ///
    /// - Parameters:
    ///   - factory: the backend.
    ///   - measuresLatency: see ``measuresLatency``.
    ///   - labelsHost: whether each metric has the label `host`, which multiplies the number of time series: for services
    ///     with a few known hosts. The first 64 hosts of the process have names; `unknown` is where none is known yet.
    public init(
        factory: any MetricsFactory,
        measuresLatency: Bool = false,
        labelsHost: Bool = false
    ) {
        self.init(
            factory: factory,
            measuresLatency: measuresLatency,
            labelsHost: labelsHost,
            errorCodes: .errorCodes,
            hosts: .hosts
        )
    }

    /// Makes a handler from a table: `measure_latency` and `label_host`, both true or false.
    ///
    /// - Throws: `invalid_configuration` that names the option.
    public init(options: HandlerOptions) throws {
        func flag(_ name: String) throws(WebSocketError) -> Bool {
            guard let value = options[name], value != .null else { return false }
            guard let flag = value.bool else {
                throw WebSocketError(.invalidConfiguration, "option \"\(name)\": it must be true or false")
            }
            return flag
        }
        self.init(
            factory: MetricsSystem.factory,
            measuresLatency: try flag("measure_latency"),
            labelsHost: try flag("label_host")
        )
    }

    /// A test gives sets of labels of its own.
    init(
        factory: any MetricsFactory,
        measuresLatency: Bool = false,
        labelsHost: Bool = false,
        errorCodes: MetricLabels,
        hosts: MetricLabels
    ) {
        self.factory = factory
        self.measuresLatency = measuresLatency
        self.labelsHost = labelsHost
        self.errorCodes = errorCodes
        self.hosts = hosts
        self.instruments = MetricInstruments(factory: factory, host: labelsHost ? "unknown" : nil)
    }

    /// True where latencies are measured: no more is learnt from single messages.
    public var wantsMessages: Bool { self.measuresLatency }

    public mutating func recordMessages(_ direction: MessageDirection, count: Int, bytes: Int) {
        // A counter does not go back, whatever it is told.
        let count = max(0, count)
        let bytes = max(0, bytes)
        switch direction {
        case .received:
            Self.add(count, to: &self.totals.messagesReceived)
            Self.add(bytes, to: &self.totals.bytesReceived)
            self.instruments.received.messages.increment(by: Int64(count))
            self.instruments.received.bytes.increment(by: Int64(bytes))
        case .sent:
            Self.add(count, to: &self.totals.messagesSent)
            Self.add(bytes, to: &self.totals.bytesSent)
            self.instruments.sent.messages.increment(by: Int64(count))
            self.instruments.sent.bytes.increment(by: Int64(bytes))
        }
    }

    public mutating func record(_ event: TelemetryEvent) {
        switch event {
        case .connectionOpened(_, let host, _, let duration):
            self.label(host)
            Self.add(1, to: &self.totals.connectionsOpened)
            self.instruments.opened.increment(by: 1)
            Self.time(duration, self.instruments.openDuration, &self.totals.connectionOpenDuration)
        case .connectionClosed(_, let host, _, let reason, let duration):
            if let host { self.label(host) }
            self.recordEnd(reason, after: duration)
        case .upgraded(_, _, let duration):
            Self.add(1, to: &self.totals.websocketUpgrades)
            self.instruments.upgraded.increment(by: 1)
            Self.time(duration, self.instruments.upgradeDuration, &self.totals.websocketUpgradeDuration)
        case .reconnected(_, _, _, let gap):
            Self.add(1, to: &self.totals.reconnections)
            self.instruments.reconnected.increment(by: 1)
            Self.time(gap.duration, self.instruments.reconnectGap, &self.totals.reconnectGap)
        case .message(.sent, _, _, _, let latency):
            Self.time(latency, self.instruments.sentLatency, &self.totals.messageSentLatency)
        case .message(.received, _, _, _, let latency):
            Self.time(latency, self.instruments.receivedLatency, &self.totals.messageReceivedLatency)
        case .errorOccurred(_, _, let error, let host, _):
            if let host { self.label(host) }
            let code = self.errorCodes.label(for: error.code.rawValue)
            Self.add(1, to: &self.totals.errors)
            Self.add(1, to: &self.totals.errorsByCode[code, default: 0])
            self.instruments.increment(.error, code)
        case .subscriptionRestored(_, _, _, let duration, nil):
            Self.add(1, to: &self.totals.subscriptionsRestored)
            self.instruments.subscriptionsRestored.increment(by: 1)
            Self.time(
                duration,
                self.instruments.restorationDuration,
                &self.totals.subscriptionRestorationDuration
            )
        case .subscriptionRestored:
            Self.add(1, to: &self.totals.subscriptionRestorationsFailed)
            self.instruments.subscriptionRestorationsFailed.increment(by: 1)
        }
    }

    /// What was never open is counted apart, so that those opened less those closed are those that are open.
    private mutating func recordEnd(_ reason: DisconnectReason, after duration: Duration?) {
        let label = self.label(for: reason)
        guard let duration else {
            Self.add(1, to: &self.totals.connectionsFailed)
            Self.add(1, to: &self.totals.failuresByReason[label, default: 0])
            self.instruments.increment(.failed, label)
            return
        }
        Self.add(1, to: &self.totals.connectionsClosed)
        Self.add(1, to: &self.totals.closesByReason[label, default: 0])
        self.instruments.increment(.closed, label)
        Self.time(duration, self.instruments.closeDuration, &self.totals.connectionCloseDuration)
    }

    private func label(for reason: DisconnectReason) -> String {
        switch reason {
        case .local: "local"
        case .closed(let info):
            switch info.code.rawValue {
            case 1000...1015: "\(info.code.rawValue)"
            case 3000...3999: "3xxx"
            case 4000...4999: "4xxx"
            default: MetricLabels.other
            }
        case .failed(let error): self.errorCodes.label(for: error.code.rawValue)
        }
    }

    private mutating func label(_ host: String) {
        guard self.labelsHost else { return }
        let host = self.hosts.label(for: host)
        if host != self.instruments.host { self.instruments = MetricInstruments(factory: self.factory, host: host) }
    }

    // MARK: Sums

    private static func add(_ amount: Int, to sum: inout Int) {
        let (result, overflows) = sum.addingReportingOverflow(amount)
        sum = overflows ? .max : result
    }

    private static func time(_ duration: Duration, _ timer: any TimerHandler, _ sum: inout Duration) {
        let nanoseconds = Self.nanoseconds(duration)
        timer.recordNanoseconds(nanoseconds)
        sum += .nanoseconds(nanoseconds)
    }

    /// From nothing to 292 years.
    private static func nanoseconds(_ duration: Duration) -> Int64 {
        guard duration > .zero else { return 0 }
        guard duration < .nanoseconds(Int64.max) else { return .max }
        let (seconds, attoseconds) = duration.components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
