/// The most that the library may take, as a multiple of what another client takes in the same run: client CPU per message,
/// and for an echo the median round trip. For binary messages on one connection in the clear.
struct Budget: Equatable, Sendable {
    enum Reference: Equatable, Sendable {
        case contestant(String)
        /// The one of these that took least.
        case bestOf([String])
        /// Whichever other library took least.
        case everyRival
    }

    var factor: Double
    var reference: Reference

    static func budgets(for path: LibraryPath?, _ plan: Plan) -> [Budget] {
        guard let path, plan.group == .messages else { return [] }
        switch plan.work {
        case .flood: return self.flood(path, plan.size)
        case .sink: return (125...65536).contains(plan.size) ? [.ofPlainC(1.5)] : []
        case .echo: return [.ofPlainC(self.echo(path))]
        case .json: return []
        }
    }

    private static func flood(_ path: LibraryPath, _ size: Int) -> [Budget] {
        switch (size, path) {
        case (65536..., _): [Budget(factor: 1.1, reference: .bestOf(["beast", "beast-buffered", "picows"]))]
        case (125..., .handlerOnLoop): [.ofPlainC(1.3)]
        case (125, _): [.ofPlainC(2.5), Budget(factor: 1, reference: .everyRival)]
        case (1024, _): [.ofPlainC(1.5), Budget(factor: 1, reference: .everyRival)]
        default: []
        }
    }

    private static func echo(_ path: LibraryPath) -> Double {
        switch path {
        case .handlerOnLoop: 1.2
        case .asyncOnLoop: 1.5
        case .asyncOnDefaultExecutor: 2
        }
    }

    private static func ofPlainC(_ factor: Double) -> Budget {
        Budget(factor: factor, reference: .contestant(Contestants.baseline))
    }
}

/// A result beside its budget. Over twice the budget, the path is wrong and the run fails.
enum Verdict: String, Codable, Sendable, Comparable {
    case within = "ok"
    case over = "over"
    case overTwice = "FAIL"

    init?(ratio: Double, budget: Double?) {
        guard let budget else { return nil }
        self = ratio <= budget ? .within : (ratio <= 2 * budget ? .over : .overTwice)
    }

    private var rank: Int {
        switch self {
        case .within: 0
        case .over: 1
        case .overTwice: 2
        }
    }

    static func < (left: Verdict, right: Verdict) -> Bool { left.rank < right.rank }
}

/// How a result stands to one of its budgets.
struct BudgetCheck: Codable, Equatable, Sendable {
    /// The other client.
    var reference: String
    var ratio: Double
    var limit: Double
    var verdict: Verdict

    init(reference: String, ratio: Double, limit: Double) {
        self.reference = reference
        self.ratio = Statistics.rounded(ratio, places: 3)
        self.limit = Statistics.rounded(limit, places: 3)
        self.verdict = ratio <= limit ? .within : (ratio <= 2 * limit ? .over : .overTwice)
    }

    /// - Parameter row: all results of the same plan.
    init?(_ budget: Budget, for result: RaceResult, in row: [RaceResult]) {
        var reference: RaceResult?
        switch budget.reference {
        case .contestant(let name): reference = row.first { $0.contestant == name }
        case .bestOf(let names): reference = Self.best(of: row.filter { names.contains($0.contestant) })
        case .everyRival: reference = Self.best(of: row.filter(\.isRival))
        }
        if reference == nil, case .bestOf = budget.reference {
            // Where neither is in the run the plain C client takes their place: it reads large messages as Boost.Beast does,
            // straight into their own memory.
            reference = row.first { $0.contestant == Contestants.baseline }
        }
        guard let reference, let ratio = result.ratios(to: reference) else { return nil }
        self.init(reference: reference.contestant, ratio: ratio.median, limit: budget.factor)
    }

    private static func best(of results: [RaceResult]) -> RaceResult? {
        results.min { $0.figure < $1.figure }
    }
}
