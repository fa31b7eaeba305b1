import Testing

@testable import nova_bench

@Suite struct BudgetTests {
    private func plan(_ work: Work, _ size: Int) -> Plan { Plan(work: work, size: size, count: 1) }

    private func factors(_ path: LibraryPath, _ work: Work, _ size: Int) -> [Double] {
        Budget.budgets(for: path, self.plan(work, size)).map(\.factor)
    }

    @Test func theBudgetsAreThoseOfTheDesign() {
        for size in [125, 1024, 16_384] { #expect(self.factors(.handlerOnLoop, .flood, size) == [1.3]) }
        for path in [LibraryPath.asyncOnLoop, .asyncOnDefaultExecutor] {
            #expect(self.factors(path, .flood, 125) == [2.5, 1])
            #expect(self.factors(path, .flood, 1024) == [1.5, 1])
        }
        for path in [LibraryPath.handlerOnLoop, .asyncOnLoop, .asyncOnDefaultExecutor] {
            for size in [65_536, 1 << 20] { #expect(self.factors(path, .flood, size) == [1.1]) }
            for size in [125, 1024, 16_384, 65_536] { #expect(self.factors(path, .sink, size) == [1.5]) }
        }
        #expect(self.factors(.handlerOnLoop, .echo, 125) == [1.2])
        #expect(self.factors(.asyncOnLoop, .echo, 125) == [1.5])
        #expect(self.factors(.asyncOnDefaultExecutor, .echo, 125) == [2])
        #expect(Budget.budgets(for: nil, self.plan(.flood, 125)).isEmpty)
        var secure = self.plan(.flood, 125)
        secure.group = .tls
        #expect(Budget.budgets(for: .handlerOnLoop, secure).isEmpty)
    }

    @Test(arguments: [nil, Placement.apart, .oneCore])
    func anEchoHasTheSameBudgetWhereverItRuns(placement: Placement?) throws {
        var plan = self.plan(.echo, 125)
        plan.placement = placement
        let own = try result("nova-handler", .handlerOnLoop, plan: plan, cpu: [30])
        let row = [own, try result("c", plan: plan, cpu: [10])]
        let budgets = Budget.budgets(for: own.path, plan)
        #expect(budgets.map(\.factor) == [1.2])
        let check = try #require(BudgetCheck(budgets[0], for: own, in: row))
        #expect(check.reference == "c" && check.ratio == 3 && check.verdict == .overTwice)
        #expect(Budget.budgets(for: .asyncOnLoop, plan).map(\.factor) == [1.5])
        #expect(Budget.budgets(for: .asyncOnDefaultExecutor, plan).map(\.factor) == [2])
    }

    @Test func largeMessagesAreComparedWithTheBetterOfTwo() throws {
        let plan = self.plan(.flood, 1 << 20)
        let own = try result("nova-async", .asyncOnLoop, plan: plan, cpu: [210, 220, 230])
        let row = [
            own, try result("c", plan: plan, cpu: [320, 320, 320]),
            try result("picows", plan: plan, cpu: [240, 240, 240]),
            try result("beast", plan: plan, cpu: [200, 200, 200]), try result("nio", plan: plan, cpu: [100, 100, 100]),
        ]
        let check = try #require(BudgetCheck(Budget.budgets(for: own.path, plan)[0], for: own, in: row))
        #expect(check.reference == "beast" && check.ratio == 1.1 && check.limit == 1.1 && check.verdict == .within)
    }

    @Test func whereBothAreMissingThePlainCClientTakesTheirPlace() throws {
        let plan = self.plan(.flood, 65_536)
        let own = try result("nova-async", .asyncOnLoop, plan: plan, cpu: [100])
        let row = [own, try result("c", plan: plan, cpu: [100])]
        let check = try #require(BudgetCheck(Budget.budgets(for: own.path, plan)[0], for: own, in: row))
        #expect(check.reference == "c" && check.limit == 1.1 && check.verdict == .within)
        #expect(BudgetCheck(Budget.budgets(for: own.path, plan)[0], for: own, in: [own]) == nil)
    }

    @Test func everyRivalIsEveryOtherLibrary() throws {
        let own = try result("nova-async", .asyncOnLoop, cpu: [100])
        let others = [
            try result("c", cpu: [10]), try result("nova-client", cpu: [20]),
            try result("nova-handler", .handlerOnLoop, cpu: [30]),
        ]
        let budget = Budget.budgets(for: own.path, own.plan)[1]
        #expect(BudgetCheck(budget, for: own, in: others + [own]) == nil)
        let rivals = [try result("lws", cpu: [900]), try result("beast", cpu: [40])]
        let check = try #require(BudgetCheck(budget, for: own, in: others + [own] + rivals))
        #expect(check.reference == "beast" && check.ratio == 2.5 && check.verdict == .overTwice)
    }

    @Test func overTwiceABudgetIsAFailure() {
        #expect(BudgetCheck(reference: "c", ratio: 1.5, limit: 1.5).verdict == .within)
        #expect(BudgetCheck(reference: "c", ratio: 3, limit: 1.5).verdict == .over)
        #expect(BudgetCheck(reference: "c", ratio: 3.1, limit: 1.5).verdict == .overTwice)
        #expect([Verdict.within, .overTwice, .over].max() == .overTwice)
    }

    @Test func ratiosAreTakenWithinEachRound() throws {
        let own = try result("nova-async", cpu: [10, 200, 30])
        let other = try result("c", cpu: [10, 100, 30])
        #expect(own.ratios(to: other) == Spread([1, 2, 1]))
        // A round that the other did not finish has no ratio.
        #expect(try own.ratios(to: result("c", cpu: [5]))?.median == 2)
        #expect(try own.ratios(to: result("c", cpu: [])) == nil)
    }
}
