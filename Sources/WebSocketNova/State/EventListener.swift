/// Someone who is told of a connection's events.
///
/// A token: two listeners are equal only if they are the same one.
public final class EventListener: Sendable, Hashable {
    private let body: @Sendable (ClientEvent) -> Void

    /// Makes a listener.
    ///
    /// - Parameter body: called for each event, in order, on the connection's executor. It must not block.
    public init(_ body: @escaping @Sendable (ClientEvent) -> Void) {
        self.body = body
    }

    /// Tells an event.
    public func receive(_ event: ClientEvent) { self.body(event) }

    public static func == (left: EventListener, right: EventListener) -> Bool { left === right }

    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
