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
            Plan(work: .echo, size: 125, count: 20_000),
            Plan(work: .json, size: 300, count: 400_000),
        ]
        guard quick else { return plans }
        return plans.map { Plan(work: $0.work, size: $0.size, count: $0.count / 4) }
    }

    /// Of which allocations are counted.
    static var counted: [(plan: Plan, contestant: any Contestant)] {
        let plans = [
            Plan(work: .flood, size: 125, count: 500_000), Plan(work: .flood, size: 1 << 10, count: 200_000),
            Plan(work: .sink, size: 125, count: 500_000), Plan(work: .json, size: 300, count: 50_000),
        ]
        return plans.flatMap { plan in
            Contestants.layer.filter { $0.works.contains(plan.work) }.map { (plan, $0) }
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

/// What a message takes from malloc.
struct AllocationResult {
    var plan: Plan
    var contestant: String
    var perMessage: Double

    /// A message that nobody wants takes nothing, and neither does one that is sent. What remains is of reads, five small
    /// closures each, and of waits for room. A read brings more messages the less they hold, and the less else the machine
    /// does; the bounds are far from both what is seen and the one of a message that takes something.
    var budget: Double? {
        switch (self.plan.work, self.contestant) {
        case (.flood, "nova-client-ignored"): self.plan.size <= 125 ? 0.1 : 0.5
        case (.sink, _): 0.5
        default: nil
        }
    }

    var verdict: Verdict? {
        self.budget.map { self.perMessage <= $0 ? .within : .overTwice }
    }
}
