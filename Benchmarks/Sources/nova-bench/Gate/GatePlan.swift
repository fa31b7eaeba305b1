/// One measurement of the gate: a way of using the library, and a kind of work.
struct GateRow: Hashable, Sendable {
    var contestant: String
    var plan: Plan
    /// The contestant's task runs on the event loop, though it does not ask for that itself.
    var isOnLoop = false

    var way: String { self.isOnLoop ? "\(self.contestant) \(GateClientCommand.onLoop)" : self.contestant }

    /// Its name in the file of thresholds.
    var name: String { "\(self.way) \(self.plan.title)" }

    /// How often a task that sends waits for the loop's thread is decided by how threads take turns.
    var isUnsteady: Bool { self.plan.work == .sink && !self.isOnLoop && self.contestant != "nova-async-loop" }
}

/// What is counted. As few messages as give counts that can be repeated: tens of millions of instructions each.
enum GatePlan {
    static let rows: [GateRow] =
        // A handler sends as everybody does, by `await send`.
        Self.rows("nova-handler", Self.receiving + Self.receivingOther + Self.receivingSecure + Self.echoing)
        + Self.rows("nova-async-loop", Self.everything)
        + Self.rows("nova-async", Self.everything).filter(Self.isRepeatable)
        + Self.rows("nova-client", Self.receiving + Self.sending + Self.echoing + Self.exchanging)
        .filter(Self.isRepeatable)
        + Self.rows("nova-client", Self.sending).map(Self.onLoop)
        + Self.rows("nova-client-handler", Self.receiving)
        + Self.rows("nova-client-ignored", Self.receiving)
        + Self.rows("nova-client-events", Self.receiving, of: 4).filter(Self.isRepeatable)
        + Self.rows("nova-client-request", Self.exchanging, of: 4)
        + Self.rows("nova-client-subscription", Self.exchanging, of: 4)

    /// - Parameter divisor: by how many times a message of this contestant takes more than those of the others.
    private static func rows(_ contestant: String, _ plans: [Plan], of divisor: Int = 1) -> [GateRow] {
        plans.map { plan in
            var plan = plan
            plan.count /= divisor
            return GateRow(contestant: contestant, plan: plan)
        }
    }

    private static func onLoop(_ row: GateRow) -> GateRow {
        var row = row
        row.isOnLoop = true
        return row
    }

    /// What depends on how the threads of a task and of the loop take turns is for `run` to measure: how often one that sends
    /// waits for room, and one that reads large messages for the next of them. The same code is counted on the loop.
    private static func isRepeatable(_ row: GateRow) -> Bool {
        !row.isUnsteady && (row.plan.work != .flood || row.plan.size < 16 << 10 || row.plan.isCompressed)
    }

    private static let everything =
        Self.receiving + Self.receivingOther + Self.receivingSecure + Self.sending + Self.sendingOther + Self.echoing
        + Self.echoingOther

    private static let receiving = [
        Plan(work: .flood, size: 125, count: 60_000),
        Plan(work: .flood, size: 1 << 10, count: 20_000),
        Plan(work: .flood, size: 16 << 10, count: 3_000),
    ]

    /// UTF-8 is validated, and there is a String to be made, or a payload to be inflated.
    private static let receivingOther = [
        Plan(work: .flood, size: 125, count: 40_000, isText: true),
        Plan(work: .flood, size: 1 << 10, count: 15_000, isText: true),
        Plan(work: .flood, size: 16 << 10, count: 1_500, isText: true),
        Plan(work: .flood, size: 1 << 10, count: 2_000, isCompressed: true),
        Plan(work: .flood, size: 16 << 10, count: 200, isCompressed: true),
    ]

    private static let receivingSecure = [
        Plan(work: .flood, size: 125, count: 30_000, isSecure: true),
        Plan(work: .flood, size: 1 << 10, count: 10_000, isSecure: true),
        Plan(work: .flood, size: 16 << 10, count: 1_000, isSecure: true),
    ]

    private static let sending = [
        Plan(work: .sink, size: 125, count: 40_000),
        Plan(work: .sink, size: 1 << 10, count: 20_000),
        Plan(work: .sink, size: 16 << 10, count: 3_000),
    ]

    private static let sendingOther = [
        Plan(work: .sink, size: 1 << 10, count: 20_000, isText: true),
        Plan(work: .sink, size: 16 << 10, count: 2_000, isText: true),
        Plan(work: .sink, size: 1 << 10, count: 500, isCompressed: true),
        Plan(work: .sink, size: 16 << 10, count: 50, isCompressed: true),
        Plan(work: .sink, size: 125, count: 30_000, isSecure: true),
        Plan(work: .sink, size: 16 << 10, count: 1_000, isSecure: true),
    ]

    private static let echoing = [
        Plan(work: .echo, size: 125, count: 1_000),
        Plan(work: .echo, size: 1 << 10, count: 1_000),
        Plan(work: .echo, size: 16 << 10, count: 500),
    ]

    private static let echoingOther = [
        Plan(work: .echo, size: 1 << 10, count: 1_000, isText: true),
        Plan(work: .echo, size: 1 << 10, count: 300, isCompressed: true),
        Plan(work: .echo, size: 125, count: 1_000, isSecure: true),
    ]

    /// JSON that somebody looks into.
    private static let exchanging = [
        Plan(work: .json, size: 300, count: 4_000),
        Plan(work: .json, size: 1 << 10, count: 2_000),
    ]
}
