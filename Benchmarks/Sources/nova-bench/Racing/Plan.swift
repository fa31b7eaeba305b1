/// One row of the race: a kind of work at one size.
struct Plan: Hashable, Codable, Sendable {
    var group = PlanGroup.messages
    var work: Work
    var size: Int
    /// How many messages at most; a race with a time for each run finds out how many fit it.
    var count: Int
    var isText = false
    var isSecure = false
    var isCompressed = false
    var connections = 1
    /// Nil leaves it to the kernel on which processors the server and the client are.
    var placement: Placement?

    enum CodingKeys: String, CodingKey {
        case group, work, size, count, connections, placement
        case isText = "text"
        case isSecure = "tls"
        case isCompressed = "deflate"
    }

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
        if self.group == .connect { words = ["connect"] }
        if self.isText { words.append("text") }
        if self.isSecure { words.append("TLS") }
        if self.isCompressed { words.append("deflate") }
        if self.connections > 1 { words.append("\(self.connections) connections") }
        return words.joined(separator: " ") + (self.placement == .oneCore ? ", one core" : "")
    }

    /// The options of `client` that say so.
    var options: [String] {
        var options: [String] = []
        if self.isText { options.append("--text") }
        if self.isCompressed { options.append("--deflate") }
        if self.connections > 1 { options += ["--connections", String(self.connections)] }
        return options
    }

    /// What the work is judged by: the median round trip of an echo in microseconds, else CPU nanoseconds per message.
    func figure(of measurement: Measurement) -> Double {
        guard self.work == .echo, self.group != .connect else { return measurement.cpuNanosecondsPerMessage }
        return measurement.p50 ?? .nan
    }
}

// MARK: - The matrix

extension Plan {
    static let sizes = [16, 125, 1 << 10, 16 << 10, 64 << 10, 1 << 20]

    /// The rows of a group.
    static func standard(_ group: PlanGroup, quick: Bool = false) -> [Plan] {
        switch group {
        case .messages: self.messages(sizes: quick ? Array(self.sizes.dropFirst()) : self.sizes)
        case .text: self.text
        case .tls: self.tls
        case .deflate: self.deflate
        case .connections: self.connections
        case .connect: self.connect
        case .idle, .startup: []
        }
    }

    private static func messages(sizes: [Int]) -> [Plan] {
        let plans = [Work.flood, .sink, .echo].flatMap { work in sizes.map { Plan(.messages, work, $0) } }
        return plans + sizes.map { Plan(.messages, .echo, $0).with { $0.placement = .oneCore } }
    }

    private static var text: [Plan] {
        let flood = Self.sizes.dropFirst().map { Plan(.text, .flood, $0) }
        let sink = [125, 1 << 10, 16 << 10].map { Plan(.text, .sink, $0) }
        return (flood + sink + [Plan(.text, .echo, 125)]).map { $0.with { $0.isText = true } }
    }

    private static var tls: [Plan] {
        let flood = Self.sizes.dropFirst().map { Plan(.tls, .flood, $0) }
        let sink = Self.sizes.dropFirst().map { Plan(.tls, .sink, $0) }
        return (flood + sink + [Plan(.tls, .echo, 125)]).map { $0.with { $0.isSecure = true } }
    }

    private static var deflate: [Plan] {
        let sizes = [125, 1 << 10, 16 << 10, 64 << 10]
        let plans = sizes.map { Plan(.deflate, .flood, $0) } + sizes.map { Plan(.deflate, .sink, $0) }
        return (plans + [Plan(.deflate, .echo, 1 << 10)]).map { $0.with { $0.isCompressed = true } }
    }

    private static var connections: [Plan] {
        let plans = [
            Plan(.connections, .flood, 125), Plan(.connections, .flood, 16 << 10),
            Plan(.connections, .sink, 125), Plan(.connections, .echo, 125),
        ]
        return plans.flatMap { plan in [8, 64].map { count in plan.with { $0.connections = count } } }
    }

    /// As many messages as connections: each is opened, says one thing and is closed.
    private static var connect: [Plan] {
        [false, true].map { isSecure in
            Plan(.connect, .echo, 16).with {
                $0.connections = 500
                $0.count = 500
                $0.isSecure = isSecure
            }
        }
    }

    private init(_ group: PlanGroup, _ work: Work, _ size: Int) {
        self.init(group: group, work: work, size: size, count: work == .echo ? 100_000 : 50_000_000)
        // What is judged by its round trips.
        if work == .echo, group != .connect { self.placement = .apart }
    }

    private func with(_ change: (inout Plan) -> Void) -> Plan {
        var copy = self
        change(&copy)
        return copy
    }
}
