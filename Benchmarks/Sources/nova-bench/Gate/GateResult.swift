/// A count beside its threshold.
struct GateResult {
    enum Verdict: String {
        case same = "ok"
        /// So much less that the threshold does not hold what has been won.
        case better = "better"
        case worse = "FAIL"
        /// A row that the file does not have.
        case new = "new"
    }

    var row: GateRow
    /// One, or several if the first was not as expected.
    var counts: [GateCount]
    var threshold: GateThresholds.Row?

    /// What depends on how threads take turns only ever adds to what the code needs.
    var count: GateCount { .lowest(self.counts) }

    var verdict: Verdict {
        guard let threshold else { return .new }
        // Not a number is worse, too.
        guard self.count.instructions <= threshold.instructions * (1 + threshold.instructionsTolerance / 100),
            self.count.allocations <= threshold.allocations + threshold.allocationsTolerance
        else { return .worse }
        let highest = GateCount.highest(self.counts)
        let isBetter =
            highest.instructions < threshold.instructions * (1 - threshold.instructionsTolerance / 100)
            || highest.allocations < threshold.allocations - threshold.allocationsTolerance
        return isBetter ? .better : .same
    }

    /// How much more than the threshold, in per cent of it.
    var instructionsMargin: Double? {
        self.threshold.map { 100 * (self.count.instructions - $0.instructions) / $0.instructions }
    }
}
