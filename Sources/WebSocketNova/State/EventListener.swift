/// Someone who is told of a connection's events.
///
/// A token: two listeners are equal only if they are the same one.
public final class EventListener: Sendable, Hashable {
    private let body: @Sendable (ClientEvent) -> Void
    /// Whether it is told of each frame that comes, too.
    public let wantsFrames: Bool

    /// Makes a listener.
    ///
    /// - Parameters:
    ///   - wantsFrames: whether it is told of each frame that comes, too. Default: true.
    ///   - body: called for each event, in order, on the connection's executor. It must not block.
    public init(wantsFrames: Bool = true, _ body: @escaping @Sendable (ClientEvent) -> Void) {
        self.wantsFrames = wantsFrames
        self.body = body
    }

    /// Tells an event.
    public func receive(_ event: ClientEvent) { self.body(event) }

    public static func == (left: EventListener, right: EventListener) -> Bool { left === right }

    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
