/// A client that is measured. Each uses the best documented way of its library, which `way` names.
///
/// `client` runs one contestant in a process of its own; a `ForeignContestant` is another program that prints the same line.
protocol Contestant: Sendable {
    var name: String { get }
    var way: String { get }
    /// Which of the library's paths this is, and so which budgets hold; nil for all others.
    var path: LibraryPath? { get }
    /// What it can do. Default: flood, sink and echo.
    var works: Set<Work> { get }
    /// What it can do beside binary messages on one connection in the clear. Default: nothing.
    var features: Set<Feature> { get }

    /// Does the work on connections of its own, from connecting to the closing handshake.
    func perform(_ assignment: Assignment) async throws -> Outcome
}

extension Contestant {
    var works: Set<Work> { [.flood, .sink, .echo] }
    var features: Set<Feature> { [] }

    /// Another library: neither a way of ours nor the practical limit.
    var isRival: Bool { self.path == nil && !Contestants.own.contains(self.name) }

    func can(_ work: Work, with features: Set<Feature>) -> Bool {
        self.works.contains(work) && features.isSubset(of: self.features)
    }
}

enum LibraryPath: Sendable {
    case handlerOnLoop
    case asyncOnLoop
    case asyncOnDefaultExecutor
}

enum Contestants {
    /// The practical limit, to which all ratios refer.
    static let baseline = "c"

    static let all: [any Contestant] =
        [
            PlainCContestant(),
            LwsContestant(),
            NovaHandlerContestant(),
            NovaAsyncContestant(placement: .eventLoop),
            NovaAsyncContestant(placement: .defaultExecutor),
        ] + ForeignContestant.built

    /// What is measured of this library, and the practical limit.
    static let own = Set([Self.baseline] + Self.layer.map(\.name))

    /// The library's client, which `layer` compares with its connection.
    static let layer: [any Contestant] = [
        NovaAsyncContestant(placement: .defaultExecutor),
        NovaClientContestant(.messages),
        NovaClientContestant(.handler),
        NovaClientContestant(.ignored),
        NovaClientContestant(.events),
        NovaClientContestant(.request),
        NovaClientContestant(.subscription),
    ]

    static func named(_ name: String) -> (any Contestant)? {
        (Self.all + Self.layer).first { $0.name == name }
    }
}
