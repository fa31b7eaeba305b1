/// What the client may add to what the connection itself costs.
enum LayerPlan {
    /// The connection's own messages, read by a task of the same kind.
    static let baseline = "nova-async"

    static func all(quick: Bool) -> [Plan] {
        let plans = [
            Plan(work: .flood, size: 125, count: 8_000_000),
            Plan(work: .flood, size: 1 << 10, count: 3_000_000),
            Plan(work: .sink, size: 125, count: 8_000_000),
            Plan(work: .sink, size: 1 << 10, count: 3_000_000),
            Plan(work: .echo, size: 125, count: 20_000, placement: .oneCore),
            Plan(work: .json, size: 300, count: 400_000),
        ]
        guard quick else { return plans }
        return plans.map { plan in
            var plan = plan
            plan.count /= 4
            return plan
        }
    }

    /// The most nanoseconds of CPU that a message may cost more than on the connection itself; of an echo, the most
    /// microseconds of its median round trip. Nil where there is no budget.
    static func budget(for result: RaceResult) -> Double? {
        guard result.contestant != Self.baseline else { return nil }
        switch (result.plan.work, result.contestant) {
        case (.flood, _): return 150
        case (.sink, _): return 40
        case (.echo, _): return 2
        // Without somebody who looks into the JSON, it is a flood of texts.
        case (.json, "nova-client"): return 150
        case (.json, _): return nil
        }
    }

    static func verdict(of result: RaceResult) -> Verdict? {
        guard let budget = Self.budget(for: result) else { return nil }
        let difference = Statistics.median(result.differences)
        return difference <= budget ? .within : (difference <= 2 * budget ? .over : .overTwice)
    }
}
