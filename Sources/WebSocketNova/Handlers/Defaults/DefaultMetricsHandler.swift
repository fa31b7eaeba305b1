public import CoreMetrics
internal import WebSocketCore

/// Counts and measures with swift-metrics; <doc:Telemetry> has the table of its metrics.
///
/// The sums are also kept in ``totals``, which needs no backend. Copies of a handler count together: who keeps the one that was
/// put into a configuration can read, at any time and from any thread, what the clients of that configuration have counted.
///
/// Labels have a bounded number of values: close codes of services are put together as `3xxx` and `4xxx`, and of the codes of
/// errors, which are an open set, the first 64 of the process are counted by name, all others as `other`. A peer cannot make
/// time series.
public struct DefaultMetricsHandler: MetricsHandler {
    // Two references, so that a copy costs next to nothing: handlers are copied for each call.
    private let counts: MetricCounts
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
    ///   - measuresLatency: whether the latency of each message is measured, at the cost of one more call for each.
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
        self.counts = MetricCounts(
            factory: factory,
            measuresLatency: measuresLatency,
            labelsHost: labelsHost,
            errorCodes: errorCodes,
            hosts: hosts
        )
        self.instruments = MetricInstruments(factory: factory, host: labelsHost ? "unknown" : nil)
    }

    /// What was counted since the handler was made, by all copies of it.
    public var totals: Totals { self.counts.totals }

    /// Whether latencies are measured: no more is learnt from single messages.
    public var wantsMessages: Bool { self.counts.measuresLatency }

    public mutating func recordMessages(_ direction: MessageDirection, count: Int, bytes: Int) {
        // A counter does not go back, whatever it is told.
        let count = Int64(max(0, count))
        let bytes = Int64(max(0, bytes))
        switch direction {
        case .received:
            self.counts.received.add(count, bytes)
            self.instruments.received.messages.increment(by: count)
            self.instruments.received.bytes.increment(by: bytes)
        case .sent:
            self.counts.sent.add(count, bytes)
            self.instruments.sent.messages.increment(by: count)
            self.instruments.sent.bytes.increment(by: bytes)
        }
    }

    public mutating func record(_ event: TelemetryEvent) {
        switch event {
        case .message(let direction, _, _, _, let latency):
            self.recordLatency(direction, latency.asNanoseconds)
        case .connectionOpened(_, let host, _, let duration):
            self.label(host)
            self.instruments.opened.increment(by: 1)
            self.time(duration, self.instruments.openDuration, \.connectionOpenDuration, \.connectionsOpened)
        case .connectionClosed(_, let host, _, let reason, let duration):
            if let host { self.label(host) }
            self.recordEnd(reason, after: duration)
        case .upgraded(_, _, let duration):
            self.instruments.upgraded.increment(by: 1)
            self.time(duration, self.instruments.upgradeDuration, \.websocketUpgradeDuration, \.websocketUpgrades)
        case .reconnected(_, _, _, let gap):
            self.instruments.reconnected.increment(by: 1)
            self.time(gap.duration, self.instruments.reconnectGap, \.reconnectGap, \.reconnections)
        case .errorOccurred(_, _, let error, let host, _):
            if let host { self.label(host) }
            let code = self.counts.errorCodes.label(for: error.code.rawValue)
            self.instruments.increment(.error, code)
            self.counts.update {
                $0.errors += 1
                $0.errorsByCode[code, default: 0] += 1
            }
        case .subscriptionRestored(_, _, _, let duration, nil):
            self.instruments.subscriptionsRestored.increment(by: 1)
            let timer = self.instruments.restorationDuration
            self.time(duration, timer, \.subscriptionRestorationDuration, \.subscriptionsRestored)
        case .subscriptionRestored:
            self.instruments.subscriptionRestorationsFailed.increment(by: 1)
            self.counts.update { $0.subscriptionRestorationsFailed += 1 }
        }
    }

    private func recordLatency(_ direction: MessageDirection, _ nanoseconds: Int64) {
        switch direction {
        case .sent:
            self.counts.sent.add(latency: nanoseconds)
            self.instruments.sentLatency.recordNanoseconds(nanoseconds)
        case .received:
            self.counts.received.add(latency: nanoseconds)
            self.instruments.receivedLatency.recordNanoseconds(nanoseconds)
        }
    }

    /// What was never open is counted apart, so that those opened less those closed are those that are open.
    private func recordEnd(_ reason: DisconnectReason, after duration: Duration?) {
        let label = self.label(for: reason)
        guard let duration else {
            self.instruments.increment(.failed, label)
            return self.counts.update {
                $0.connectionsFailed += 1
                $0.failuresByReason[label, default: 0] += 1
            }
        }
        self.instruments.increment(.closed, label)
        self.counts.update { $0.closesByReason[label, default: 0] += 1 }
        self.time(duration, self.instruments.closeDuration, \.connectionCloseDuration, \.connectionsClosed)
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
        case .failed(let error): self.counts.errorCodes.label(for: error.code.rawValue)
        }
    }

    private mutating func label(_ host: String) {
        guard self.counts.labelsHost else { return }
        let host = self.counts.hosts.label(for: host)
        guard host != self.instruments.host else { return }
        self.instruments = MetricInstruments(factory: self.counts.factory, host: host)
    }

    private func time(
        _ duration: Duration,
        _ timer: any TimerHandler,
        _ sum: WritableKeyPath<Totals, Duration>,
        _ number: WritableKeyPath<Totals, Int>
    ) {
        let nanoseconds = duration.asNanoseconds
        timer.recordNanoseconds(nanoseconds)
        self.counts.update {
            $0[keyPath: sum] += .nanoseconds(nanoseconds)
            $0[keyPath: number] += 1
        }
    }
}

extension Duration {
    /// From nothing to 292 years.
    fileprivate var asNanoseconds: Int64 {
        guard self > .zero else { return 0 }
        guard self < .nanoseconds(Int64.max) else { return .max }
        let (seconds, attoseconds) = self.components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
