import WebSocketNova

/// What all ways of using the library share.
enum Nova {
    static let features = Set(Feature.allCases)

    /// The library's defaults, and of compression its defaults too.
    static func configuration(for assignment: Assignment) -> WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        if let path = assignment.certificatePath { configuration.tls.trustRoots = .file(path) }
        if assignment.isCompressed { configuration.compression = .defaults }
        return configuration
    }

    static func message(for assignment: Assignment) -> WebSocketMessage {
        let payload = assignment.payload
        return assignment.isText ? .text(String(decoding: payload, as: UTF8.self)) : .binary(payload)
    }

    /// Does the work on each of the connections, at the same time; all are on the one event loop that they share by default.
    static func perform(
        _ assignment: Assignment,
        _ work: @escaping @Sendable (Assignment) async throws -> Outcome
    ) async throws -> Outcome {
        let share = assignment.share
        guard assignment.connections > 1 else { return try await work(share) }
        return try await withThrowingTaskGroup(of: Outcome.self) { group in
            for _ in 0..<assignment.connections { group.addTask { try await work(share) } }
            return try await group.reduce(into: Outcome(messages: 0)) { $0.add($1) }
        }
    }

    /// Fails when the server did not take the offer: what would be measured is something else.
    static func check(_ socket: WebSocket, _ assignment: Assignment) throws {
        if assignment.isCompressed, socket.compression == nil {
            throw BenchmarkError("the server does not compress")
        }
    }
}
