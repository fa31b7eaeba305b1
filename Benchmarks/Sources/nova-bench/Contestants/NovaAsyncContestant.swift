import WebSocketNova

/// WebSocketNova, messages as an async sequence.
struct NovaAsyncContestant: Contestant {
    enum Placement { case defaultExecutor, eventLoop }

    let placement: Placement

    var name: String { self.placement == .eventLoop ? "nova-async-loop" : "nova-async" }

    var way: String {
        switch self.placement {
        case .defaultExecutor: "for try await over messages, await send, on the default executor"
        case .eventLoop: "the same task, with the connection's event loop as its preferred executor"
        }
    }

    var path: LibraryPath? { self.placement == .eventLoop ? .asyncOnLoop : .asyncOnDefaultExecutor }

    let works = Set(Work.allCases)

    func perform(_ assignment: Assignment) async throws -> Outcome {
        try await withWebSocket(to: assignment.url) { socket in
            switch self.placement {
            case .defaultExecutor: try await Self.work(assignment, socket)
            case .eventLoop:
                try await withTaskExecutorPreference(socket.eventLoop) { try await Self.work(assignment, socket) }
            }
        }
    }

    private static func work(_ assignment: Assignment, _ socket: WebSocket) async throws -> Outcome {
        switch assignment.work {
        case .flood: try await Self.flood(socket)
        case .json: try await Self.json(socket)
        case .sink: try await Self.sink(assignment, socket)
        case .echo: try await Self.echo(assignment, socket)
        }
    }

    private static func flood(_ socket: WebSocket) async throws -> Outcome {
        var tally = Tally()
        for try await message in socket.messages {
            guard case .binary(let bytes) = message else { throw BenchmarkError("a flood of text") }
            tally.add(bytes.count)
        }
        return Outcome(messages: tally.messages)
    }

    private static func json(_ socket: WebSocket) async throws -> Outcome {
        try await socket.send("go")
        var tally = Tally()
        for try await message in socket.messages {
            guard case .text(let text) = message else { throw BenchmarkError("JSON that is no text") }
            tally.add(text.utf8.count)
        }
        return Outcome(messages: tally.messages)
    }

    private static func sink(_ assignment: Assignment, _ socket: WebSocket) async throws -> Outcome {
        let payload = assignment.payload
        for _ in 0..<assignment.count { try await socket.send(payload) }
        guard case .text("ok") = try await socket.nextMessage() else { throw BenchmarkError("the sink did not answer") }
        return Outcome(messages: assignment.count)
    }

    private static func echo(_ assignment: Assignment, _ socket: WebSocket) async throws -> Outcome {
        let payload = assignment.payload
        var roundTrips: [UInt64] = []
        roundTrips.reserveCapacity(assignment.count)
        var messages = socket.messages.makeAsyncIterator()
        for _ in 0..<assignment.count {
            let start = monotonicNanoseconds()
            try await socket.send(payload)
            guard case .binary(let bytes) = try await messages.next(), bytes.count == payload.count else {
                throw BenchmarkError("the echo ended early or is another message")
            }
            roundTrips.append(monotonicNanoseconds() - start)
        }
        return Outcome(messages: roundTrips.count, roundTrips: roundTrips)
    }
}
