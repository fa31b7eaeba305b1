/// What a message costs, counted instead of timed.
struct GateCount: Sendable {
    var allocations: Double
    var instructions: Double

    /// The median of each.
    static func median(_ counts: [GateCount]) -> GateCount {
        GateCount(
            allocations: Statistics.median(counts.map(\.allocations)),
            instructions: Statistics.median(counts.map(\.instructions))
        )
    }

    /// The highest of each.
    static func highest(_ counts: [GateCount]) -> GateCount {
        GateCount(
            allocations: counts.map(\.allocations).max() ?? .nan,
            instructions: counts.map(\.instructions).max() ?? .nan
        )
    }

    /// The lowest of each.
    static func lowest(_ counts: [GateCount]) -> GateCount {
        GateCount(
            allocations: counts.map(\.allocations).min() ?? .nan,
            instructions: counts.map(\.instructions).min() ?? .nan
        )
    }
}

/// What `gate-client` answers to a line: the allocations of a few messages, and of many.
struct GateReply: Codable {
    var few: Int
    var many: Int
    var allocationsOfFew: Int
    var allocationsOfMany: Int
}
