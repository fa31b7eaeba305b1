internal import Synchronization

/// Names one transport of a connection: one socket, from its opening to its end.
public struct TransportID: Sendable, Hashable, CustomStringConvertible {
    /// Unique in the process.
    public let rawValue: UInt64

    /// Wraps a number.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    public var description: String { "transport-\(self.rawValue)" }
}

/// The watch that a connection keeps on its transport. Cancelling it ends the watch: what the transport does after that is
/// not heard of.
public final class TransportMonitor: Sendable, Hashable {
    private let onCancel: Mutex<(@Sendable () -> Void)?>

    /// Makes a token.
    ///
    /// - Parameter onCancel: ends the watch; called once at most, by the first ``cancel()``.
    public init(onCancel: @escaping @Sendable () -> Void = {}) {
        self.onCancel = Mutex(onCancel)
    }

    /// Ends the watch. Any thread; further calls do nothing.
    public func cancel() {
        let action = self.onCancel.withLock { onCancel in
            defer { onCancel = nil }
            return onCancel
        }
        action?()
    }

    /// Whether the watch has been ended.
    public var isCancelled: Bool { self.onCancel.withLock { $0 == nil } }

    /// Two tokens are equal if they are the same one.
    public static func == (left: TransportMonitor, right: TransportMonitor) -> Bool { left === right }

    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
