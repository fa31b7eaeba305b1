/// On which processors the load server and the client of a run are.
///
/// A round trip depends on it more than on the client: where the two are apart, each message wakes a processor that has gone to
/// sleep. Left alone the kernel chooses, for each process anew, and a ratio compares the one case with the other.
enum Placement: String, CaseIterable, Codable, Sendable {
    /// The server on one, the client on all others.
    case apart
    /// Both on the same one.
    case oneCore = "one-core"

    /// Nil where there are too few of them.
    ///
    /// - Parameter allowed: all that may be used. The last is the server's: the first has more of the kernel's own work.
    func processors(of allowed: ProcessorSet) -> (server: ProcessorSet, client: ProcessorSet)? {
        guard let last = allowed.numbers.last else { return nil }
        let server = ProcessorSet([last])
        switch self {
        case .apart:
            let others = ProcessorSet(allowed.numbers.dropLast())
            return others.numbers.isEmpty ? nil : (server, others)
        case .oneCore: return (server, server)
        }
    }
}

extension Plan {
    /// The rows that can be had on these processors: with one alone, what should be apart is on one core, says so, and stands
    /// there once.
    static func possible(_ plans: [Plan], on allowed: ProcessorSet) -> [Plan] {
        var rows: [Plan] = []
        for plan in plans {
            var plan = plan
            if let placement = plan.placement, placement.processors(of: allowed) == nil { plan.placement = .oneCore }
            if !rows.contains(plan) { rows.append(plan) }
        }
        return rows
    }
}
