import WebSocketNova

/// WebSocketNova, messages given to a handler on the event loop, where the payload is borrowed.
struct NovaHandlerContestant: Contestant {
    let name = "nova-handler"
    let way = "handler on the event loop, payload borrowed; a sink is sent by await send on the default executor"
    let path: LibraryPath? = .handlerOnLoop
    let features = Nova.features

    func perform(_ assignment: Assignment) async throws -> Outcome {
        let configuration = Nova.configuration(for: assignment)
        return try await Nova.perform(assignment) { share in
            switch share.work {
            case .flood: try await Self.flood(share, configuration)
            case .sink: try await Self.sink(share, configuration)
            case .echo: try await Self.echo(share, configuration)
            case .json: throw BenchmarkError("this contestant does not read JSON")
            }
        }
    }

    private static func flood(
        _ assignment: Assignment,
        _ configuration: WebSocketConfiguration
    ) async throws -> Outcome {
        let progress = HandlerProgress()
        let expected: WebSocketMessage.Kind = assignment.isText ? .text : .binary
        let socket = try await WebSocket.connect(to: assignment.url, configuration: configuration) { _, kind, payload in
            guard kind == expected else { return progress.finish() }
            progress.tally.add(payload.byteCount)
            if progress.tally.messages == assignment.count { progress.finish() }
        }
        try Nova.check(socket, assignment)
        await progress.waitUntilFinished()
        try await socket.close()
        return Outcome(progress.tally)
    }

    private static func sink(
        _ assignment: Assignment,
        _ configuration: WebSocketConfiguration
    ) async throws -> Outcome {
        let progress = HandlerProgress()
        let socket = try await WebSocket.connect(to: assignment.url, configuration: configuration) { _, kind, _ in
            if kind == .text { progress.finish() }
        }
        try Nova.check(socket, assignment)
        switch Nova.message(for: assignment) {
        case .text(let text): for _ in 0..<assignment.count { try await socket.send(text) }
        case .binary(let bytes): for _ in 0..<assignment.count { try await socket.send(bytes) }
        }
        await progress.waitUntilFinished()
        try await socket.close()
        return Outcome(messages: assignment.count)
    }

    private static func echo(
        _ assignment: Assignment,
        _ configuration: WebSocketConfiguration
    ) async throws -> Outcome {
        let progress = HandlerProgress()
        progress.roundTrips.reserveCapacity(assignment.count)
        let socket = try await WebSocket.connect(to: assignment.url, configuration: configuration) {
            connection,
            kind,
            payload in
            let now = monotonicNanoseconds()
            progress.roundTrips.append(now - progress.start)
            progress.start = now
            if progress.roundTrips.count == assignment.count || payload.byteCount != assignment.size {
                progress.finish()
            } else if (try? connection.send(kind, payload)) == nil {
                progress.finish()
            }
        }
        try Nova.check(socket, assignment)
        let message = Nova.message(for: assignment)
        progress.start = monotonicNanoseconds()
        try await socket.send(message)
        await progress.waitUntilFinished()
        try await socket.close()
        return Outcome(messages: progress.roundTrips.count, roundTrips: progress.roundTrips)
    }
}

/// What a handler has done so far.
///
/// `@unchecked Sendable` because only the handler's calls touch its variables, one after another on the loop's thread, from
/// the first message until `finish` hands them over to whoever waits; before the first message is asked for, nobody else does.
final class HandlerProgress: @unchecked Sendable {
    var tally = Tally()
    var roundTrips: [UInt64] = []
    var start: UInt64 = 0
    private let (finished, continuation) = AsyncStream<Never>.makeStream()

    func finish() {
        self.continuation.finish()
    }

    func waitUntilFinished() async {
        for await _ in self.finished {}
    }
}
