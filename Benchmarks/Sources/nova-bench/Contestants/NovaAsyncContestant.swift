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
    let features = Nova.features

    func perform(_ assignment: Assignment) async throws -> Outcome {
        let placement = self.placement
        let configuration = Nova.configuration(for: assignment)
        return try await Nova.perform(assignment) { share in
            try await withWebSocket(to: share.url, configuration: configuration) { socket in
                try Nova.check(socket, share)
                switch placement {
                case .defaultExecutor: return try await Self.work(share, socket)
                case .eventLoop:
                    return try await withTaskExecutorPreference(socket.eventLoop) {
                        try await Self.work(share, socket)
                    }
                }
            }
        }
    }

    private static func work(_ assignment: Assignment, _ socket: WebSocket) async throws -> Outcome {
        switch assignment.work {
        case .flood: try await (assignment.isText ? Self.floodOfText(socket) : Self.flood(socket))
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
        return Outcome(tally)
    }

    private static func floodOfText(_ socket: WebSocket) async throws -> Outcome {
        var tally = Tally()
        for try await message in socket.messages {
            guard case .text(let text) = message else { throw BenchmarkError("a flood of bytes") }
            tally.add(text.utf8.count)
        }
        return Outcome(tally)
    }

    private static func json(_ socket: WebSocket) async throws -> Outcome {
        try await socket.send("go")
        return try await Self.floodOfText(socket)
    }

    private static func sink(_ assignment: Assignment, _ socket: WebSocket) async throws -> Outcome {
        switch Nova.message(for: assignment) {
        case .text(let text): for _ in 0..<assignment.count { try await socket.send(text) }
        case .binary(let bytes): for _ in 0..<assignment.count { try await socket.send(bytes) }
        }
        guard case .text("ok") = try await socket.nextMessage() else { throw BenchmarkError("the sink did not answer") }
        return Outcome(messages: assignment.count)
    }

    private static func echo(_ assignment: Assignment, _ socket: WebSocket) async throws -> Outcome {
        let message = Nova.message(for: assignment)
        let (kind, size) = (message.kind, message.payloadSize)
        var roundTrips: [UInt64] = []
        roundTrips.reserveCapacity(assignment.count)
        var messages = socket.messages.makeAsyncIterator()
        for _ in 0..<assignment.count {
            let start = monotonicNanoseconds()
            try await socket.send(message)
            guard let answer = try await messages.next(), answer.kind == kind, answer.payloadSize == size else {
                throw BenchmarkError("the echo ended early or is another message")
            }
            roundTrips.append(monotonicNanoseconds() - start)
        }
        return Outcome(messages: roundTrips.count, roundTrips: roundTrips)
    }
}
