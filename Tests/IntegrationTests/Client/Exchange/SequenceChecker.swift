import MockExchange

/// Looks at what a subscriber of a channel gets: each number once and in order, and holes only behind a gap marker.
struct SequenceChecker {
    /// How many trades have come.
    private(set) var count = 0
    /// How many gap markers have come.
    private(set) var gaps = 0
    private var last: Int64?
    private var mayMiss = false
    /// Whether holes are to be told of.
    private let findsHoles: Bool

    init(findsHoles: Bool = true) { self.findsHoles = findsHoles }

    /// - Returns: what is wrong with it; nil if nothing is.
    mutating func check(_ update: ExchangeClient.TradeUpdate) -> String? {
        switch update {
        case .gap:
            self.gaps += 1
            self.mayMiss = true
            return nil
        case .dropped(let count):
            return "\(count) trades were dropped"
        case .trade(let trade):
            defer {
                self.last = trade.sequence
                self.mayMiss = false
                self.count += 1
            }
            guard let last else { return nil }
            if trade.sequence <= last { return "trade \(trade.sequence) came behind trade \(last)" }
            if trade.sequence > last + 1, self.findsHoles, !self.mayMiss {
                return "trade \(trade.sequence) came behind trade \(last), and nothing said that some are missing"
            }
            return nil
        }
    }
}
