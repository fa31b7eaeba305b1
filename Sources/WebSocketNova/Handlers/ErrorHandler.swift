public import WebSocketCore

/// Decides what follows from errors: above all whether, and after which delay, a lost connection is tried again.
///
/// The engine counts attempts and runs the one timer; the handler has the policy.
public protocol ErrorHandler: Handler {
    /// What class an error is of. By default as ``ErrorClass/standard(for:)`` has it.
    func classify(_ reason: DisconnectReason) -> ErrorClass

    /// Something went wrong while the connection stands. By default it goes on.
    mutating func handleError(_ error: WebSocketError, context: ErrorContext) throws -> ErrorDecision

    /// Whether to try again.
    ///
    /// By default at most five times in a row, what is not critical, with the delays of ``Backoff`` and full jitter, and not
    /// before a server's `Retry-After` of at most an hour.
    ///
    /// - Parameter attempt: which attempt it would be, counted from 1 since the connection was last stable.
    /// - Returns: the delay before it, or nil to give up.
    mutating func reconnectionDelay(after reason: DisconnectReason, attempt: Int) throws -> Duration?

    /// The connection has been open for ``stabilityPeriod``: attempts are counted from 1 again. By default
    /// nothing need be done for that.
    mutating func resetReconnectionAttempts()

    /// How long a connection must stand before attempts are counted anew. Default: 30 s, the longest delay.
    var stabilityPeriod: Duration { get }
}

extension ErrorHandler {
    public func classify(_ reason: DisconnectReason) -> ErrorClass { .standard(for: reason) }

    public mutating func handleError(_ error: WebSocketError, context: ErrorContext) throws -> ErrorDecision { .ok }

    public mutating func reconnectionDelay(after reason: DisconnectReason, attempt: Int) throws -> Duration? {
        guard self.classify(reason) != .critical else { return nil }
        var random = SystemRandomNumberGenerator()
        return Backoff().delay(before: attempt, after: reason, using: &random)
    }

    public mutating func resetReconnectionAttempts() {}

    public var stabilityPeriod: Duration { .seconds(30) }
}

/// How bad an error is.
public enum ErrorClass: String, Sendable, Hashable, CaseIterable {
    /// Passes by itself: try again.
    case transient
    /// Concerns one message alone.
    case normal
    /// Does not pass by itself: give up.
    case critical
}

/// Where an error happened.
public struct ErrorContext: Sendable, Hashable {
    public var connection: ConnectionID
    public var stream: StreamRef?
    public init(connection: ConnectionID, stream: StreamRef? = nil) {
        self.connection = connection
        self.stream = stream
    }
}

/// What follows from an error while the connection stands.
public enum ErrorDecision: Sendable, Hashable {
    /// Go on.
    case ok
    /// Give up this transport and connect again after a delay.
    case retry(after: Duration)
    /// End the connection for good.
    case stop(reason: String)
}
