import Testing

@testable import nova_bench

@Suite("The gate")
struct GateTests {
    private static let row = GateRow(contestant: "nova-async-loop", plan: Plan(work: .sink, size: 125, count: 1))
    private static let unsteady = GateRow(contestant: "nova-async", plan: Plan(work: .sink, size: 125, count: 1))

    private static func verdict(_ instructions: [Double], allocations: Double = 1) -> GateResult.Verdict {
        let counts = instructions.map { GateCount(allocations: allocations, instructions: $0) }
        let usual = GateCount(allocations: 1, instructions: 1000)
        return GateResult(row: Self.row, counts: counts, threshold: .init(Self.row, counts: [usual])).verdict
    }

    @Test("more than the tolerance is a failure, in instructions and in allocations")
    func failures() {
        #expect(Self.verdict([1050]) == .same)
        #expect(Self.verdict([1051]) == .worse)
        #expect(Self.verdict([1000], allocations: 1.04) == .same)
        #expect(Self.verdict([1000], allocations: 1.06) == .worse)
        #expect(Self.verdict([.nan]) == .worse)
        #expect(Self.verdict([]) == .worse)
    }

    @Test("a row is worse or better only if each of its counts is")
    func repeated() {
        #expect(Self.verdict([1100, 1100, 1010]) == .same)
        #expect(Self.verdict([1100, 1100, 1060]) == .worse)
        #expect(Self.verdict([900, 900, 1000]) == .same)
        #expect(Self.verdict([900, 900, 940]) == .better)
        #expect(Self.verdict([1000], allocations: 0.9) == .better)
    }

    @Test("a row without a threshold is neither")
    func unknown() {
        let count = GateCount(allocations: 1, instructions: 1)
        #expect(GateResult(row: Self.row, counts: [count], threshold: nil).verdict == .new)
    }

    @Test("a tolerance is half as much again as the second highest count was above the median")
    func tolerances() {
        let counts = [1000, 1000, 1000, 1100, 2000].map { GateCount(allocations: $0 / 1000, instructions: $0) }
        let steady = GateThresholds.Row(Self.row, counts: counts)
        #expect(steady.instructions == 1000)
        #expect(steady.instructionsTolerance == 15)
        #expect(steady.allocations == 1)
        #expect(abs(steady.allocationsTolerance - 0.15) < 0.011)
        let unsteady = GateThresholds.Row(Self.unsteady, counts: counts)
        #expect(unsteady.instructionsTolerance == 40)
        #expect(unsteady.allocationsTolerance == 0.2)
    }

    @Test("every row has a name of its own, and a contestant that can do it")
    func rows() throws {
        #expect(Set(GatePlan.rows.map(\.name)).count == GatePlan.rows.count)
        for row in GatePlan.rows {
            let contestant = try #require(Contestants.named(row.contestant))
            #expect(contestant.can(row.plan.work, with: row.plan.features), "\(row.name)")
        }
    }

    @Test("every row has its threshold, and every threshold its row")
    func file() throws {
        let thresholds = try GateThresholds.read(from: GateThresholds.committed)
        #expect(Set(thresholds.rows.map(\.name)) == Set(GatePlan.rows.map(\.name)))
    }
}
