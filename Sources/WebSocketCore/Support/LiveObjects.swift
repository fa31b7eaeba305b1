internal import Synchronization

/// How many of the objects that a connection is made of exist in this process: what a test for leaks looks at.
///
/// A class is counted by one stored property, `let life = LiveObject(.tunnel)`. That costs two atomic additions in the life
/// of a connection, and none for a message.
package enum LiveObjects {
    /// What is counted.
    package enum Kind: CaseIterable, Sendable {
        case webSocket
        case connection
        case inboundQueue
        case outboundQueue
        case tunnel
        case client
        case clientEngine
    }

    private static let webSockets = Atomic(0)
    private static let connections = Atomic(0)
    private static let inboundQueues = Atomic(0)
    private static let outboundQueues = Atomic(0)
    private static let tunnels = Atomic(0)
    private static let clients = Atomic(0)
    private static let clientEngines = Atomic(0)

    /// How many of a kind there are now.
    package static func count(of kind: Kind) -> Int { self.add(0, to: kind) }

    /// The kinds of which there are any, with their numbers.
    package static var all: [Kind: Int] {
        var all: [Kind: Int] = [:]
        for kind in Kind.allCases where self.count(of: kind) != 0 { all[kind] = self.count(of: kind) }
        return all
    }

    @discardableResult
    fileprivate static func add(_ number: Int, to kind: Kind) -> Int {
        switch kind {
        case .webSocket: self.webSockets.add(number, ordering: .relaxed).newValue
        case .connection: self.connections.add(number, ordering: .relaxed).newValue
        case .inboundQueue: self.inboundQueues.add(number, ordering: .relaxed).newValue
        case .outboundQueue: self.outboundQueues.add(number, ordering: .relaxed).newValue
        case .tunnel: self.tunnels.add(number, ordering: .relaxed).newValue
        case .client: self.clients.add(number, ordering: .relaxed).newValue
        case .clientEngine: self.clientEngines.add(number, ordering: .relaxed).newValue
        }
    }
}

/// Counts the object that has it as a property, for as long as that lives.
package struct LiveObject: ~Copyable, Sendable {
    private let kind: LiveObjects.Kind

    package init(_ kind: LiveObjects.Kind) {
        self.kind = kind
        LiveObjects.add(1, to: kind)
    }

    deinit { LiveObjects.add(-1, to: self.kind) }
}
