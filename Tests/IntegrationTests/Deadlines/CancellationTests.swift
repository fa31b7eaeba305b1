import TestSupport
import Testing
import WebSocketNovaTesting

@testable import LWSTransport
@testable import WebSocketNova

extension Serial {
    /// Each in a process of its own, whose descriptors and threads are counted.
    @Suite("A cancelled task does not wait, and leaves nothing behind", .timeLimit(.minutes(1)))
    struct CancellationTests {
        /// How long a cancelled task may go on. Of several attempts the quickest counts: the machine has other things to do.
        private static let limit = Duration.milliseconds(100)
        private static let attempts = 5

        /// Cancels a task that waits, and tells how long it took to end.
        private static func cancel<Success>(_ task: Task<Success, any Error>) async -> Duration {
            let stopwatch = Stopwatch()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            return stopwatch.elapsedInMotion
        }

        /// Runs the body several times, and checks the time that it returns, and what is left.
        private static func check(_ loop: EventLoop, _ body: () async throws -> Duration) async throws {
            try await openRuntimeTimers()
            var census: ProcessCensus?
            var best = Duration.seconds(60)
            for _ in 0..<Self.attempts {
                best = min(best, try await body())
                await eventually("no connection is left", within: .seconds(5)) { loop.liveTunnels == 0 }
                // The first attempt has made what is made once.
                guard let before = census else {
                    census = ProcessCensus.take()
                    continue
                }
                await eventually("descriptors and threads are as before: \(before)") {
                    let now = ProcessCensus.take()
                    return now.descriptors <= before.descriptors && now.threads <= before.threads
                }
            }
            #expect(best < Self.limit)
        }

        // MARK: Opening

        @Test(arguments: StalledPhase.allCases)
        func `while a connection is opened`(phase: StalledPhase) async {
            await #expect(processExitsWith: .success) { [phase] in
                let group = try EventLoopGroup()
                let loop = group.loops[0]
                try await Self.check(loop) {
                    var time = Duration.zero
                    try await phase.withURL { url in
                        let attempt = Task {
                            try await WebSocket.connect(to: url, configuration: .with { $0.eventLoopGroup = group })
                        }
                        await eventually("the attempt is under way") { loop.liveTunnels == 1 }
                        // Into the phase, mostly; the outcome has to be the same earlier.
                        try await Task.sleep(for: .milliseconds(30))
                        time = await Self.cancel(attempt)
                    }
                    return time
                }
                await group.shutDown()
            }
        }

        @Test func `while a name is looked up`() async {
            await #expect(processExitsWith: .success) {
                let gate = Locked(Gate())
                let group = try EventLoopGroup(
                    configuration: .lookingUp {
                        gate.value.wait()
                        return .success(["127.0.0.1"])
                    }
                )
                let loop = group.loops[0]
                try await Self.check(loop) {
                    gate.value = Gate()
                    let attempt = Task {
                        try await WebSocket.connect(
                            to: "ws://name.example/",
                            configuration: .with { $0.eventLoopGroup = group }
                        )
                    }
                    await eventually("the attempt is under way") { loop.liveTunnels == 1 }
                    await eventually("the name is looked up") { ProcessCensus.threads(named: "nova-resolve") == 1 }
                    let time = await Self.cancel(attempt)
                    // The thread of the look-up cannot be interrupted; what it has to say, nobody waits for.
                    gate.value.open()
                    await eventually("the thread is gone") { ProcessCensus.threads(named: "nova-resolve") == 0 }
                    return time
                }
                await group.shutDown()
            }
        }

        // MARK: Open

        /// What a task waits for.
        enum Wait: String, CaseIterable, Codable {
            case send, fragment, message, ping, close, end

            var needsBlockedWriter: Bool { self == .send || self == .fragment }

            func wait(on socket: WebSocket) async throws {
                switch self {
                case .send: while true { try await socket.send([UInt8](repeating: 1, count: 200_000)) }
                case .fragment:
                    let piece = [UInt8](repeating: 1, count: 200_000)
                    try await socket.send(binary: AsyncStream { piece })
                case .message: _ = try await socket.nextMessage()
                case .ping: try await socket.ping()
                case .close: try await socket.close()
                case .end: _ = try await socket.waitUntilClosed()
                }
            }
        }

        @Test(arguments: Wait.allCases)
        func `while a connection is open`(wait: Wait) async {
            await #expect(processExitsWith: .success) { [wait] in
                let group = try EventLoopGroup()
                let configuration = WebSocketConfiguration.with {
                    $0.eventLoopGroup = group
                    $0.deadlines.close = .milliseconds(300)
                }
                try await Self.check(group.loops[0]) {
                    let rest: ScriptedServer.Step = wait.needsBlockedWriter ? .stopReading : .waitForEndOfStream
                    var time = Duration.zero
                    try await withScript([.acceptUpgrade(), rest], configuration) { socket, _ in
                        let task = Task { try await wait.wait(on: socket) }
                        if wait.needsBlockedWriter {
                            await eventually("the writer is blocked") { socket.outbound.waiterCount > 0 }
                        } else {
                            // Into the wait, mostly; the outcome has to be the same earlier.
                            try await Task.sleep(for: .milliseconds(30))
                        }
                        time = await Self.cancel(task)
                        if wait == .close {
                            // It goes on behind the cancelled task, up to its deadline.
                            let closed = try await socket.ended()
                            #expect(closed.failure == "the peer did not answer the Close frame within 0.3 seconds")
                        }
                    }
                    return time
                }
                await group.shutDown()
            }
        }

        @Test func `a task that is cancelled already still closes`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .receiveFrame, .pause(until: "answer"), .send(ScriptedServer.Frame.close(4001)),
            ]
            try await withScript(script) { socket, server in
                let task = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    return try await socket.close(code: 4001)
                }
                await #expect(throws: CancellationError.self) { try await task.value }
                server.proceed("answer")
                let closed = try await socket.ended()
                #expect(closed.wasClean)
                #expect(try await server.finished().first.frames.map(\.closeCode) == [4001])
                // There is nothing to wait for any more.
                let late = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    return try await socket.close()
                }
                #expect(try await late.value == closed)
            }
        }

        @Test func `one of several that close`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .receiveFrame, .mark("closing"), .pause(until: "answer"),
                .send(ScriptedServer.Frame.close(1000)),
            ]
            try await withScript(script) { socket, server in
                let first = Task { try await socket.close() }
                let second = Task { try await socket.close() }
                try await server.reached("closing")
                first.cancel()
                await #expect(throws: CancellationError.self) { try await first.value }
                server.proceed("answer")
                #expect(try await second.value.wasClean)
            }
        }
    }
}
