import TestSupport
import Testing
import WebSocketNovaTesting

@testable import WebSocketNova

extension Serial {
    /// Ends that come from several sides at the same time, while everybody waits for something.
    @Suite("Ends from all sides at once", .timeLimit(.minutes(2)))
    struct SimultaneousEndTests {
        typealias Frame = ScriptedServer.Frame

        enum ServerEnd: CaseIterable {
            case closeFrame
            case closeFrameAndFIN
            case violation
            case fin
            case halfClose
            case reset
            case truncation
            case silence

            var steps: [ScriptedServer.Step] {
                switch self {
                case .closeFrame: [.send(Frame.close(4000)), .waitForEndOfStream]
                case .closeFrameAndFIN: [.send(Frame.close(1000)), .shutdownWrite, .waitForEndOfStream]
                case .violation: [.send(Frame(.init(rawValue: 3))), .waitForEndOfStream]
                case .fin: [.close]
                case .halfClose: [.shutdownWrite, .waitForEndOfStream]
                case .reset: [.reset]
                case .truncation: [.send([0x82, 100, 1]), .close]
                case .silence: [.waitForEndOfStream]
                }
            }
        }

        enum ClientEnd: CaseIterable {
            case close
            case abort
            case scope
            case beginClosing
            case cancelWaiters
        }

        /// All that can wait for a connection at the same time, and what each got.
        private struct Waiters {
            let reader: Task<Void, Never>
            let senders: [Task<Void, any Error>]
            let ping: Task<Duration, any Error>
            let watchers: [Task<WebSocketCloseInfo, any Error>]
            /// Holds the turn of a fragmented message, for whose end the senders wait.
            let fragments: AsyncStream<String>.Continuation
            let fragmentSender: Task<Void, any Error>

            init(_ socket: WebSocket) {
                let (stream, continuation) = AsyncStream<String>.makeStream()
                self.fragments = continuation
                self.fragmentSender = Task { try await socket.send(text: stream) }
                continuation.yield("begun")
                continuation.yield("held back")
                self.reader = Task { _ = await socket.readToEnd() }
                self.senders = (0..<3).map { number in Task { try await socket.send("\(number)") } }
                self.ping = Task { try await socket.ping() }
                self.watchers = (0..<2).map { _ in Task { try await socket.waitUntilClosed() } }
            }

            func cancel() {
                self.reader.cancel()
                for sender in self.senders { sender.cancel() }
                self.ping.cancel()
                for watcher in self.watchers { watcher.cancel() }
            }

            /// Waits for each of them; whoever is forgotten makes the test run into its time limit.
            func ended(_ info: WebSocketCloseInfo, _ what: Comment) async {
                // Its sequence is the test's: that has no end of its own.
                self.fragments.finish()
                await self.reader.value
                for sender in self.senders { Self.check(await sender.result, info, what) }
                Self.check(await self.fragmentSender.result, info, what)
                Self.check(await self.ping.result, info, what)
                for watcher in self.watchers {
                    switch await watcher.result {
                    case .success(let told): #expect(told == info, what)
                    case .failure(let error): #expect(error is CancellationError, what)
                    }
                }
            }

            private static func check(
                _ result: Result<some Any, any Error>,
                _ info: WebSocketCloseInfo,
                _ what: Comment
            ) {
                guard case .failure(let error) = result, !(error is CancellationError) else { return }
                let failure = error as? WebSocketError
                #expect(failure?.code == .connectionClosed, what)
                // Who is turned away by the Close frame is told before it is known how the connection ends.
                if let told = failure?.close { #expect(told == info, what) }
            }
        }

        @Test func `everybody who waits is told, once, and of the same end`() async throws {
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = SeededGenerator(seed: seed)
            let group = try EventLoopGroup()
            for round in 0..<240 {
                let serverEnd = ServerEnd.allCases.randomElement(using: &random) ?? .silence
                let clientEnds = ClientEnd.allCases.shuffled(using: &random).prefix(
                    // Somebody has to end it.
                    Int.random(in: (serverEnd == .silence ? 3 : 0)...3, using: &random)
                )
                let delay = Int.random(in: 0...4, using: &random)
                let what: Comment = "seed \(seed), round \(round): server \(serverEnd), client \(Array(clientEnds))"
                try await self.round(serverEnd, Array(clientEnds), delay, group, what)
            }
            #expect(group.loops.map(\.liveTunnels) == [0])
            await group.shutDown()
        }

        private func round(
            _ serverEnd: ServerEnd,
            _ clientEnds: [ClientEnd],
            _ delay: Int,
            _ group: EventLoopGroup,
            _ what: Comment
        ) async throws {
            let configuration = WebSocketConfiguration.with {
                $0.eventLoopGroup = group
                $0.deadlines.close = .milliseconds(100)
                // In some rounds reading has stopped when the end comes.
                $0.limits.inboundHighWaterMark = delay < 2 ? 1 : 1 << 20
                $0.limits.inboundReadAhead = 0
            }
            let script: [ScriptedServer.Step] =
                [.acceptUpgrade(), .send(Frame.text("a").encoded + Frame.text("b").encoded), .pause(until: "go")]
                + serverEnd.steps
            try await withScriptedServer(script) { server in
                let socket = try await WebSocket.connect(to: server.url, configuration: configuration)
                let waiters = Waiters(socket)
                for _ in 0..<(delay * 3) { await Task.yield() }
                server.proceed("go")
                await withTaskGroup(of: Void.self) { group in
                    for end in clientEnds {
                        group.addTask { await Self.end(socket, end, waiters) }
                    }
                }
                // The end of a stream is not seen while messages that nobody reads any more hold up reading.
                if clientEnds.allSatisfy({ $0 == .cancelWaiters }), !clientEnds.isEmpty { _ = try await socket.close() }
                let info = try await socket.waitUntilClosed()
                #expect(info.wasClean == (info.cause == nil), what)
                #expect(try await socket.close() == info, what)
                await waiters.ended(info, what)
            }
        }

        private static func end(_ socket: WebSocket, _ end: ClientEnd, _ waiters: Waiters) async {
            switch end {
            case .close: _ = try? await socket.close(code: 4001)
            case .abort: socket.abort()
            case .scope: socket.connection.signal(.cancelScope)
            case .beginClosing: await socket.connection.beginClosing(Connection.goingAway)
            case .cancelWaiters: waiters.cancel()
            }
        }
    }
}
