/// A user's connection, named for as long as it lives: the place of everything that is not the transport's, such as
/// authentication, subscriptions and the count of attempts.
///
/// ``ConnectionState`` refers to it and copies nothing of it.
public final class ClientConnection: Sendable, Hashable {
    /// The connection's name, which survives reconnections.
    public let id: ConnectionID

    /// Makes a connection's handle.
    public init(id: ConnectionID) {
        self.id = id
    }

    public static func == (left: ClientConnection, right: ClientConnection) -> Bool { left === right }

    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
