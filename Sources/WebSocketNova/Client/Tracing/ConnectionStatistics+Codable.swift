extension ConnectionStatistics: Codable {
    private enum CodingKeys: String, CodingKey {
        case connects, upgrades, attempts, reconnects, reconnections
        case totalUptime = "total_uptime_ms"
        case lastConnectedAt = "last_connected_at_ms"
        case lastDisconnectedAt = "last_disconnected_at_ms"
        case reconnectionDurations = "reconnection_durations"
        case longestOutage = "longest_outage_ms"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        self.connects = try container.decode(Int.self, forKey: .connects)
        self.upgrades = try container.decode(Int.self, forKey: .upgrades)
        self.attempts = try container.decode(Int.self, forKey: .attempts)
        self.reconnects = try container.decode(Int.self, forKey: .reconnects)
        self.totalUptime = try container.decode(Milliseconds.self, forKey: .totalUptime).duration
        self.lastConnectedAt = try container.decodeIfPresent(Milliseconds.self, forKey: .lastConnectedAt)?.seconds
        self.lastDisconnectedAt = try container.decodeIfPresent(Milliseconds.self, forKey: .lastDisconnectedAt)?.seconds
        self.reconnectionDurations = try container.decodeIfPresent(
            ReconnectionDurations.self,
            forKey: .reconnectionDurations
        )
        self.reconnections = try container.decode([Reconnection].self, forKey: .reconnections)
        self.longestOutage = try container.decode(Milliseconds.self, forKey: .longestOutage).duration
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.connects, forKey: .connects)
        try container.encode(self.upgrades, forKey: .upgrades)
        try container.encode(self.attempts, forKey: .attempts)
        try container.encode(self.reconnects, forKey: .reconnects)
        try container.encode(Milliseconds(self.totalUptime), forKey: .totalUptime)
        try container.encodeIfPresent(
            self.lastConnectedAt.map { Milliseconds(seconds: $0) },
            forKey: .lastConnectedAt
        )
        try container.encodeIfPresent(
            self.lastDisconnectedAt.map { Milliseconds(seconds: $0) },
            forKey: .lastDisconnectedAt
        )
        try container.encodeIfPresent(self.reconnectionDurations, forKey: .reconnectionDurations)
        try container.encode(self.reconnections, forKey: .reconnections)
        try container.encode(Milliseconds(self.longestOutage), forKey: .longestOutage)
    }
}

extension ConnectionStatistics.Reconnection: Codable {
    private enum CodingKeys: String, CodingKey {
        case wallClock = "timestamp_ms"
        case duration = "duration_ms"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            wallClock: try container.decode(Milliseconds.self, forKey: .wallClock).seconds,
            duration: try container.decode(Milliseconds.self, forKey: .duration).duration
        )
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Milliseconds(seconds: self.wallClock), forKey: .wallClock)
        try container.encode(Milliseconds(self.duration), forKey: .duration)
    }
}

extension ConnectionStatistics.ReconnectionDurations: Codable {
    private enum CodingKeys: String, CodingKey {
        case minimum = "min_ms"
        case mean = "mean_ms"
        case maximum = "max_ms"
        case last = "last_ms"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            minimum: try container.decode(Milliseconds.self, forKey: .minimum).duration,
            mean: try container.decode(Milliseconds.self, forKey: .mean).duration,
            maximum: try container.decode(Milliseconds.self, forKey: .maximum).duration,
            last: try container.decode(Milliseconds.self, forKey: .last).duration
        )
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Milliseconds(self.minimum), forKey: .minimum)
        try container.encode(Milliseconds(self.mean), forKey: .mean)
        try container.encode(Milliseconds(self.maximum), forKey: .maximum)
        try container.encode(Milliseconds(self.last), forKey: .last)
    }
}
