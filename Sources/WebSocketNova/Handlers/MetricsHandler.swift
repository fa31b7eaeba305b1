public import WebSocketCore

/// Counts and measures.
public protocol MetricsHandler: Handler {
    /// Something happened to the connection.
    ///
    /// - Parameter duration: how long it took, where that means something: the opening, the upgrade, the life of the connection.
    mutating func recordConnection(_ event: ClientEvent, duration: Duration?)

    /// Messages came or went.
    mutating func recordMessages(_ direction: MessageDirection, count: Int, bytes: Int)

    /// Something went wrong.
    mutating func recordError(_ error: WebSocketError)
}

extension MetricsHandler {
    public mutating func recordConnection(_ event: ClientEvent, duration: Duration?) {}
    public mutating func recordMessages(_ direction: MessageDirection, count: Int, bytes: Int) {}
    public mutating func recordError(_ error: WebSocketError) {}
}
