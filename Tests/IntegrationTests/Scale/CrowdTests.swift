import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    /// In processes of their own, so that a server with as many connections has descriptors beside them.
    @Suite("Thousands of connections", .timeLimit(.minutes(3)))
    struct CrowdTests {
        private static let count = SlowLane.isOn ? 10_000 : Sanitizer.isOn ? 200 : 500

        private static func configuration(_ group: EventLoopGroup) -> WebSocketConfiguration {
            .with {
                $0.eventLoopGroup = group
                // Of a debug build on a busy machine.
                $0.deadlines.open = .seconds(60)
                $0.deadlines.close = .seconds(60)
            }
        }

        /// Does something for each of many, all at the same time.
        private static func forEach<Element: Sendable, Result: Sendable>(
            _ elements: some Sequence<Element>,
            _ body: @escaping @Sendable (Element) async throws -> Result
        ) async throws -> [Result] {
            try await withThrowingTaskGroup(of: Result.self) { group in
                for element in elements { group.addTask { try await body(element) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }

        private static func open(_ url: String, _ configuration: WebSocketConfiguration) async throws -> [WebSocket] {
            try await Self.forEach(0..<Self.count) { _ in
                try await WebSocket.connect(to: url, configuration: configuration)
            }
        }

        /// The first connections of a process take some descriptors for good.
        private static func warmUp(_ url: String) async throws -> ProcessCensus {
            let group = try EventLoopGroup(loopCount: 2)
            for _ in 0..<2 { try await withWebSocket(to: url, configuration: Self.configuration(group)) { _ in } }
            await group.shutDown()
            try await openRuntimeTimers()
            await eventually("the loops are gone") { ProcessCensus.threads(named: "nova-") == 0 }
            return ProcessCensus.take()
        }

        private static func nothingIsLeft(_ before: ProcessCensus) async {
            await eventually("no object is left") { LiveObjects.all.isEmpty }
            #expect(LiveObjects.all.isEmpty, "\(LiveObjects.all)")
            // A sanitizer opens descriptors of its own when it likes.
            if Sanitizer.isOn { return }
            await eventually("threads and descriptors are as before: \(before)") {
                let now = ProcessCensus.take()
                return now.threads <= before.threads && now.descriptors <= before.descriptors
            }
        }

        @Test func `opened together on two loops, each echoes and closes, and nothing is left`() async throws {
            try await withEchoServer { server in
                await #expect(processExitsWith: .success) { [url = server.url as String] in
                    let before = try await Self.warmUp(url)
                    let group = try EventLoopGroup(loopCount: 2)
                    var sockets = try await Self.open(url, Self.configuration(group))
                    #expect(group.loops.map(\.liveTunnels) == [Self.count / 2, Self.count / 2])
                    let echoes = try await Self.forEach(sockets.enumerated().map { ($0, $1) }) { number, socket in
                        try await socket.send("message \(number)")
                        return try await socket.nextMessage() == .text("message \(number)")
                    }
                    #expect(echoes.count(where: { $0 }) == Self.count)
                    let ends = try await Self.forEach(sockets) { try await $0.close() }
                    #expect(ends.count(where: \.wasClean) == Self.count)
                    sockets = []
                    await eventually("no object is left") { LiveObjects.all.isEmpty }
                    for loop in group.loops {
                        #expect(loop.liveTunnels == 0)
                        #expect(await loop.pendingTimers() == 0)
                    }
                    await group.shutDown()
                    await Self.nothingIsLeft(before)
                }
            }
        }

        @Test func `shutting down the group ends all of them soon`() async throws {
            try await withEchoServer { server in
                await #expect(processExitsWith: .success) { [url = server.url as String] in
                    let before = try await Self.warmUp(url)
                    let group = try EventLoopGroup(loopCount: 2)
                    var sockets = try await Self.open(url, Self.configuration(group))
                    let readers = Task { [sockets] in try await Self.forEach(sockets) { await $0.readToEnd().error } }
                    let stopwatch = Stopwatch()
                    await group.shutDown()
                    #expect(stopwatch.elapsedInMotion < .seconds(20))
                    #expect(sockets.count { $0.closeInfo?.code == .abnormalClosure } == Self.count)
                    let errors = try await readers.value
                    #expect(errors.count { ($0 as? WebSocketError)?.code == .loopShutDown } == Self.count)
                    sockets = []
                    await Self.nothingIsLeft(before)
                }
            }
        }

        @Test func `shutting down the group while they are being opened ends all attempts`() async throws {
            try await withEchoServer { server in
                await #expect(processExitsWith: .success) { [url = server.url as String] in
                    let before = try await Self.warmUp(url)
                    let group = try EventLoopGroup(loopCount: 2)
                    let attempts = Task {
                        try await Self.forEach(0..<Self.count) { _ in
                            do {
                                _ = try await WebSocket.connect(to: url, configuration: Self.configuration(group))
                                return WebSocketError.Code?.none
                            } catch {
                                return (error as? WebSocketError)?.code
                            }
                        }
                    }
                    await eventually("some are under way") { group.loops[0].liveTunnels > 20 }
                    await group.shutDown()
                    // Those that were open already have been closed, unseen.
                    let codes = try await attempts.value
                    #expect(codes.allSatisfy { $0 == nil || $0 == .loopShutDown }, "\(Set(codes.compactMap(\.self)))")
                    await Self.nothingIsLeft(before)
                }
            }
        }
    }
}
