/// Values of several rounds.
struct Spread: Codable, Equatable, Sendable {
    var median: Double
    var low: Double
    var high: Double

    /// Nil when there are none that can be compared.
    init?(_ values: [Double]) {
        let values = values.filter(\.isFinite)
        guard let low = values.min(), let high = values.max() else { return nil }
        self.median = Statistics.rounded(Statistics.median(values), places: 4)
        self.low = Statistics.rounded(low, places: 4)
        self.high = Statistics.rounded(high, places: 4)
    }
}
