public import WebSocketCore

/// A connection's history and statistics as they are written to a file.
///
/// Its JSON has the members `host`, `port`, `statistics` and `events`, oldest event first, and besides `trace_id`,
/// `started_at_ms` and `dropped_events`. Names are in snake case and times in milliseconds, with a fraction down to
/// microseconds: points in time since 1970, `elapsed_ms` since the history began. No credentials, header fields, payloads or
/// close reasons are in it: errors are named by their codes.
public struct ConnectionTrace: Sendable, Hashable {
    /// The connection's target.
    public var host: String
    public var port: UInt16
    /// The history's name.
    public var traceID: String
    /// When the history began, in seconds since 1970.
    public var startedAt: Double
    /// What all transitions add up to, those included that are not listed any more.
    public var statistics: ConnectionStatistics
    /// How many transitions are not listed any more.
    public var droppedEvents: Int
    /// The transitions, oldest first.
    public var events: [ConnectionHistory.Transition]

    /// Makes the record.
    public init(
        host: String,
        port: UInt16,
        traceID: String,
        startedAt: Double,
        statistics: ConnectionStatistics = ConnectionStatistics(),
        droppedEvents: Int = 0,
        events: [ConnectionHistory.Transition] = []
    ) {
        self.host = host
        self.port = port
        self.traceID = traceID
        self.startedAt = startedAt
        self.statistics = statistics
        self.droppedEvents = droppedEvents
        self.events = events
    }

    /// The JSON text, in lines, the members of each object sorted by name.
    ///
    /// - Throws: `invalid_message` if a time is no finite number.
    public func json() throws(WebSocketError) -> String { try JSONText.encode(self, pretty: true) }
}
