enum Statistics {
    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard let last = sorted.indices.last else { return .nan }
        return (sorted[last / 2] + sorted[(last + 1) / 2]) / 2
    }

    /// The smallest value that at least `percent` of all values do not exceed.
    static func percentile(_ percent: Double, ofSorted sorted: [UInt64]) -> UInt64? {
        guard !sorted.isEmpty else { return nil }
        // In whole thousandths, because 0.999 * 1000 is a little more than 999 in binary.
        let rank = (sorted.count * Int((percent * 1000).rounded()) + 99_999) / 100_000
        return sorted[min(max(1, rank), sorted.count) - 1]
    }

    static func rounded(_ value: Double, places: Int) -> Double {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        return (value * scale).rounded() / scale
    }
}
