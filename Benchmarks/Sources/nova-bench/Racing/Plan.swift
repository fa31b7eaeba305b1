/// One row of the race: a kind of work at one size.
struct Plan: Hashable, Sendable {
    var work: Work
    var size: Int
    /// Enough for about a second.
    var count: Int
    var isText = false
    var isSecure = false
    var isCompressed = false
    var connections = 1

    /// What a contestant must be able to do.
    var features: Set<Feature> {
        Feature.needed(
            isText: self.isText,
            isSecure: self.isSecure,
            isCompressed: self.isCompressed,
            connections: self.connections
        )
    }

    /// The work at one size, and how it differs from plain binary messages on one connection.
    var title: String {
        var words = [self.work.rawValue, byteText(self.size)]
        if self.isText { words.append("text") }
        if self.isSecure { words.append("TLS") }
        if self.isCompressed { words.append("deflate") }
        if self.connections > 1 { words.append("\(self.connections) connections") }
        return words.joined(separator: " ")
    }

    /// The options of `client` that say so.
    var options: [String] {
        var options: [String] = []
        if self.isText { options.append("--text") }
        if self.isCompressed { options.append("--deflate") }
        if self.connections > 1 { options += ["--connections", String(self.connections)] }
        return options
    }

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
