internal import WebSocketCore

// Written out, because the names, the units and the left-out members are what readers of the files rely on.

extension ConnectionTrace: Codable {
    private enum CodingKeys: String, CodingKey {
        case host, port, statistics, events
        case traceID = "trace_id"
        case startedAt = "started_at_ms"
        case droppedEvents = "dropped_events"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            host: try container.decode(String.self, forKey: .host),
            port: try container.decode(UInt16.self, forKey: .port),
            traceID: try container.decode(String.self, forKey: .traceID),
            startedAt: try container.decode(Milliseconds.self, forKey: .startedAt).seconds,
            statistics: try container.decode(ConnectionStatistics.self, forKey: .statistics),
            droppedEvents: try container.decode(Int.self, forKey: .droppedEvents),
            events: try container.decode([ConnectionHistory.Transition].self, forKey: .events)
        )
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.host, forKey: .host)
        try container.encode(self.port, forKey: .port)
        try container.encode(self.traceID, forKey: .traceID)
        try container.encode(Milliseconds(seconds: self.startedAt), forKey: .startedAt)
        try container.encode(self.statistics, forKey: .statistics)
        try container.encode(self.droppedEvents, forKey: .droppedEvents)
        try container.encode(self.events, forKey: .events)
    }
}

extension ConnectionHistory.Transition: Codable {
    private enum CodingKeys: String, CodingKey {
        case from, to, metadata
        case cause = "type"
        case elapsed = "elapsed_ms"
        case wallClock = "timestamp_ms"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            cause: try container.decode(ConnectionHistory.Cause.self, forKey: .cause),
            from: try container.decode(ConnectionStatus.self, forKey: .from),
            to: try container.decode(ConnectionStatus.self, forKey: .to),
            elapsed: try container.decode(Milliseconds.self, forKey: .elapsed).duration,
            wallClock: try container.decode(Milliseconds.self, forKey: .wallClock).seconds,
            metadata: try container.decode(ConnectionHistory.Metadata.self, forKey: .metadata)
        )
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.cause, forKey: .cause)
        try container.encode(self.from, forKey: .from)
        try container.encode(self.to, forKey: .to)
        try container.encode(Milliseconds(self.elapsed), forKey: .elapsed)
        try container.encode(Milliseconds(seconds: self.wallClock), forKey: .wallClock)
        try container.encode(self.metadata, forKey: .metadata)
    }
}

extension ConnectionHistory.Metadata: Codable {
    private enum CodingKeys: String, CodingKey {
        case stream, attempt, error
        case delay = "delay_ms"
        case httpStatus = "http_status"
        case closeCode = "close_code"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            stream: try container.decodeIfPresent(StreamRef.self, forKey: .stream),
            attempt: try container.decodeIfPresent(Int.self, forKey: .attempt),
            delay: try container.decodeIfPresent(Milliseconds.self, forKey: .delay)?.duration,
            error: try container.decodeIfPresent(String.self, forKey: .error).map { WebSocketError.Code(rawValue: $0) },
            httpStatus: try container.decodeIfPresent(Int.self, forKey: .httpStatus),
            closeCode: try container.decodeIfPresent(UInt16.self, forKey: .closeCode).map {
                WebSocketCloseCode(rawValue: $0)
            }
        )
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(self.stream, forKey: .stream)
        try container.encodeIfPresent(self.attempt, forKey: .attempt)
        try container.encodeIfPresent(self.delay.map { Milliseconds($0) }, forKey: .delay)
        try container.encodeIfPresent(self.error?.rawValue, forKey: .error)
        try container.encodeIfPresent(self.httpStatus, forKey: .httpStatus)
        try container.encodeIfPresent(self.closeCode?.rawValue, forKey: .closeCode)
    }
}

/// A time in milliseconds, with a fraction down to microseconds.
struct Milliseconds: Codable {
    private var value: Double

    init(_ duration: Duration) { self.value = Self.rounded(duration / .milliseconds(1)) }

    init(seconds: Double) { self.value = Self.rounded(seconds * 1000) }

    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }

    var seconds: Double { self.value / 1000 }

    var duration: Duration { .microseconds((self.value * 1000).rounded()) }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        self.value = try container.decode(Double.self)
        // A thousand years. `Duration` traps on what it cannot hold.
        guard abs(self.value) <= 3.2e13 else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "a time of \(self.value) ms")
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.value)
    }
}
