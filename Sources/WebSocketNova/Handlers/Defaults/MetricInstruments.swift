internal import CoreMetrics
internal import Synchronization
internal import WebSocketCore

/// The metrics of ``DefaultMetricsHandler``, made once: nothing is looked up for a message.
///
/// They are the backend's own objects, without swift-metrics' wrappers around them: one call less for each message, and one
/// object less for each metric.
final class MetricInstruments: Sendable {
    /// The metrics that have a label.
    enum Labelled: Hashable {
        case closed, failed, error

        fileprivate var name: (metric: String, label: String) {
            switch self {
            case .closed: ("connections_closed", "reason")
            case .failed: ("connections_failed", "reason")
            case .error: ("errors_total", "code")
            }
        }
    }

    private struct Key: Hashable {
        var metric: Labelled
        var label: String
    }

    let opened: any CounterHandler
    let upgraded: any CounterHandler
    let reconnected: any CounterHandler
    let received: (messages: any CounterHandler, bytes: any CounterHandler)
    let sent: (messages: any CounterHandler, bytes: any CounterHandler)
    let subscriptionsRestored: any CounterHandler
    let subscriptionRestorationsFailed: any CounterHandler

    let openDuration: any TimerHandler
    let closeDuration: any TimerHandler
    let upgradeDuration: any TimerHandler
    let reconnectGap: any TimerHandler
    let sentLatency: any TimerHandler
    let receivedLatency: any TimerHandler
    let restorationDuration: any TimerHandler

    /// The host in the dimensions of all of them, if they have one.
    let host: String?
    private let factory: any MetricsFactory
    private let labelled = Mutex<[Key: any CounterHandler]>([:])

    init(factory: any MetricsFactory, host: String?) {
        let dimensions = Self.dimensions(host)
        func counter(_ name: String) -> any CounterHandler {
            factory.makeCounter(label: Self.name(name), dimensions: dimensions)
        }
        func timer(_ name: String) -> any TimerHandler {
            factory.makeTimer(label: Self.name(name), dimensions: dimensions)
        }
        self.opened = counter("connections_opened")
        self.upgraded = counter("websocket_upgrades")
        self.reconnected = counter("reconnections")
        self.received = (counter("messages_received"), counter("bytes_received"))
        self.sent = (counter("messages_sent"), counter("bytes_sent"))
        self.subscriptionsRestored = counter("subscriptions_restored")
        self.subscriptionRestorationsFailed = counter("subscription_restorations_failed")
        self.openDuration = timer("connection_open_duration")
        self.closeDuration = timer("connection_close_duration")
        self.upgradeDuration = timer("websocket_upgrade_duration")
        self.reconnectGap = timer("reconnect_gap")
        self.sentLatency = timer("message_sent_latency")
        self.receivedLatency = timer("message_received_latency")
        self.restorationDuration = timer("subscription_restoration_duration")
        self.host = host
        self.factory = factory
    }

    /// Counts one. The number of different labels is the caller's to bound: see ``MetricLabels``.
    func increment(_ metric: Labelled, _ label: String) {
        let key = Key(metric: metric, label: label)
        if let counter = self.labelled.withLock({ $0[key] }) { return counter.increment(by: 1) }
        // Outside of the lock: the backend is not ours. Asked twice for the same counter, it gives the same series.
        let name = metric.name
        let counter = self.factory.makeCounter(
            label: Self.name(name.metric),
            dimensions: Self.dimensions(self.host) + [(name.label, label)]
        )
        self.labelled.withLock { $0[key] = counter }
        counter.increment(by: 1)
    }

    /// With underscores: the one separator that no backend has to change.
    private static func name(_ name: String) -> String { "websocketnova_" + name }

    private static func dimensions(_ host: String?) -> [(String, String)] { host.map { [("host", $0)] } ?? [] }
}
