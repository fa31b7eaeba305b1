/// The library's budgets, as ratios to the plain C client in the same run: client CPU per message, and for an echo the
/// median round trip.
enum Budget {
    /// At most this many times the plain C client; nil where there is no budget.
    static func ratio(for path: LibraryPath?, work: Work, size: Int) -> Double? {
        guard let path else { return nil }
        return switch work {
        case .flood: Self.flood(path, size)
        case .sink: (125...65536).contains(size) ? 1.5 : nil
        case .echo: Self.echo(path)
        case .json: nil
        }
    }

    private static func flood(_ path: LibraryPath, _ size: Int) -> Double? {
        switch (size, path) {
        case (65536..., _): Self.largeMessage
        case (_, .handlerOnLoop): 1.3
        case (...125, _): 2.5
        case (...1024, _): 1.5
        default: nil
        }
    }

    private static func echo(_ path: LibraryPath) -> Double {
        switch path {
        case .handlerOnLoop: 1.2
        case .asyncOnLoop: 1.5
        case .asyncOnDefaultExecutor: 2
        }
    }

    /// The budget for large messages is 1.1 times the better of Boost.Beast and picows. Until they are contestants, their
    /// place is taken by what was measured once: Beast received 1 MiB at 207 us of CPU where the plain C client took 319.
    private static let largeMessage = 1.1 * 207 / 319
}

/// A result beside its budget. Over twice the budget, the path is wrong and the run fails.
enum Verdict: String, Codable, Sendable {
    case within = "ok"
    case over = "over"
    case overTwice = "FAIL"

    init?(ratio: Double, budget: Double?) {
        guard let budget else { return nil }
        self = ratio <= budget ? .within : (ratio <= 2 * budget ? .over : .overTwice)
    }
}
