/// Counts and measures.
public protocol MetricsHandler: MessageObserver {
    /// Something happened. ``TelemetryEvent/message(_:_:kind:size:latency:)`` is told only where
    /// ``MessageObserver/wantsMessages`` is true.
    mutating func record(_ event: TelemetryEvent)

    /// Messages came or went: the sums of a while, so that they cost little for each message.
    mutating func recordMessages(_ direction: MessageDirection, count: Int, bytes: Int)
}

extension MetricsHandler {
    public mutating func record(_ event: TelemetryEvent) {}
    public mutating func recordMessages(_ direction: MessageDirection, count: Int, bytes: Int) {}
}
