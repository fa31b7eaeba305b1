public import WebSocketCore

/// Writes down what happens. It gets no payloads and no secrets.
public protocol LoggingHandler: MessageObserver {
    /// Something happened to the connection.
    mutating func logConnection(_ event: ClientEvent)

    /// A message came or went. Called only where ``MessageObserver/wantsMessages`` is true.
    mutating func logMessage(_ direction: MessageDirection, kind: WebSocketFrame.Kind, size: Int, stream: StreamRef)

    /// Something went wrong.
    mutating func logError(_ error: WebSocketError, context: ErrorContext)
}

/// Which way a message goes.
public enum MessageDirection: String, Sendable, Hashable, CaseIterable {
    case received, sent
}

extension LoggingHandler {
    public mutating func logConnection(_ event: ClientEvent) {}
    public mutating func logMessage(
        _ direction: MessageDirection,
        kind: WebSocketFrame.Kind,
        size: Int,
        stream: StreamRef
    ) {}
    public mutating func logError(_ error: WebSocketError, context: ErrorContext) {}
}
