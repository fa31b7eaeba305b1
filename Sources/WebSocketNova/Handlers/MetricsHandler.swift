/// Counts and measures.
public protocol MetricsHandler: Handler {
    /// Something happened. ``TelemetryEvent/message(_:_:kind:size:latency:)`` is told only where ``wantsMessages`` is true.
    mutating func record(_ event: TelemetryEvent)

    /// Messages came or went: the sums of a while, so that they cost little for each message.
    mutating func recordMessages(_ direction: MessageDirection, count: Int, bytes: Int)

    /// Whether ``record(_:)`` is to be called for each single message as well. Read once.
    var wantsMessages: Bool { get }
}

extension MetricsHandler {
    public mutating func record(_ event: TelemetryEvent) {}
    public mutating func recordMessages(_ direction: MessageDirection, count: Int, bytes: Int) {}
    public var wantsMessages: Bool { false }
}
