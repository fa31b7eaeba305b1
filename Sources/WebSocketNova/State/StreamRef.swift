/// Names a connection for as long as the process lives, through all its reconnections.
public struct ConnectionID: Sendable, Hashable, Codable, CustomStringConvertible {
    /// Unique in the process.
    public let rawValue: UInt64

    /// Wraps a number.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    public var description: String { "connection-\(self.rawValue)" }
}

/// Names one upgrade of a connection: the stream of messages that it opened, or is to open.
///
/// Each upgrade has a higher ``generation`` than those before, so that a reference to a stream that is gone, and an event
/// of one that comes late, are recognised and never taken for the present one's.
public struct StreamRef: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The connection.
    public let connection: ConnectionID
    /// Counts the upgrades of the connection from 1.
    public let generation: UInt64

    /// Names an upgrade.
    public init(connection: ConnectionID, generation: UInt64) {
        self.connection = connection
        self.generation = generation
    }

    public var description: String { "\(self.connection)/\(self.generation)" }
}

/// How far a stream has come. A stream that has ended has no status: it is not listed any more.
public enum StreamStatus: String, Sendable, Hashable, CaseIterable, Codable {
    /// The upgrade request is on its way.
    case upgrading
    /// Open.
    case websocket
    /// A Close frame has been sent or has come.
    case closing
}

/// What is known of a stream: a status, or a status with data.
public struct StreamInfo: Sendable, Hashable {
    /// What belongs to the transport's view of a stream. There is no place for credentials or subscriptions in it.
    public struct Data: Sendable, Hashable {
        /// The path and query that were asked for.
        public var path: String
        /// The subprotocol that the server chose.
        public var subprotocol: String?

        /// Makes the data of a stream.
        public init(path: String, subprotocol: String? = nil) {
            self.path = path
            self.subprotocol = subprotocol
        }
    }

    /// How far it has come.
    public var status: StreamStatus
    /// What else is known.
    public var data: Data?

    /// A status, with or without data.
    public init(_ status: StreamStatus, data: Data? = nil) {
        self.status = status
        self.data = data
    }

    /// The upgrade request is on its way.
    public static let upgrading = StreamInfo(.upgrading)
    /// Open.
    public static let websocket = StreamInfo(.websocket)
    /// A Close frame has been sent or has come.
    public static let closing = StreamInfo(.closing)
}
