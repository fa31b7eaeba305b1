/// What one contestant took for one plan, round by round.
struct RaceResult: Sendable {
    var plan: Plan
    var contestant: String
    var path: LibraryPath?
    var samples: [Measurement]
    /// To the baseline, in each round.
    var differences: [Double] = []
    /// Bytes on the wire for each byte of payload, where they were counted.
    var wireRatio: Double?

    /// Another library: neither a way of ours nor the practical limit.
    var isRival: Bool { self.path == nil && !Contestants.own.contains(self.contestant) }

    /// The median of what the plan is judged by.
    var figure: Double { Statistics.median(self.samples.map(self.plan.figure)) }

    func median(_ value: (Measurement) -> Double?) -> Double? { self.spread(value)?.median }

    func spread(_ value: (Measurement) -> Double?) -> Spread? { Spread(self.samples.compactMap(value)) }

    /// The ratio within each round, where neighbours in time are compared; their median is calmer than that of medians.
    func ratios(to other: RaceResult) -> Spread? {
        Spread(zip(self.samples, other.samples).map { self.plan.figure(of: $0) / self.plan.figure(of: $1) })
    }
}
