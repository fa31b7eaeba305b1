/// One row of the race: a kind of work at one size.
struct Plan: Equatable, Sendable {
    var work: Work
    var size: Int
    /// Enough for about a second.
    var count: Int

    static func standard(quick: Bool) -> [Plan] {
        let plans = [
            Plan(work: .flood, size: 125, count: 10_000_000),
            Plan(work: .flood, size: 1 << 10, count: 3_000_000),
            Plan(work: .flood, size: 16 << 10, count: 200_000),
            Plan(work: .flood, size: 64 << 10, count: 50_000),
            Plan(work: .flood, size: 1 << 20, count: 5000),
            Plan(work: .sink, size: 125, count: 10_000_000),
            Plan(work: .sink, size: 1 << 10, count: 3_000_000),
            Plan(work: .sink, size: 16 << 10, count: 200_000),
            Plan(work: .sink, size: 64 << 10, count: 50_000),
            Plan(work: .echo, size: 125, count: 20_000),
        ]
        guard quick else { return plans }
        return plans.map { Plan(work: $0.work, size: $0.size, count: $0.count / 4) }
    }
}
