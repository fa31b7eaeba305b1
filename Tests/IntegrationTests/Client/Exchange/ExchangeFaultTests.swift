import MockExchange
import TestSupport
import Testing
import WebSocketCore
import WebSocketNova

extension Serial {
    @Suite("Faults of an exchange", .timeLimit(.minutes(3)))
    struct ExchangeFaultTests {
        // MARK: Those that pass

        @Test(
            "F44, F45, F46, F50, F51: a fault of the exchange passes; nothing is lost, nothing done twice",
            arguments: ExchangeFault.all
        )
        func passing(fault: ExchangeFault) async throws {
            try await Self.withWorkload { workload, group in
                let client = workload.client.client
                let id = client.id
                let before = await ClientAtRest.look(at: client, group)
                let events = EventRecord()
                await client.addListener(events.listener)
                workload.begin()
                await workload.waitForProgress()
                for round in 1...2 {
                    let opened = workload.exchange.record.openedCount
                    try await fault.happen(to: workload.exchange, for: .milliseconds(60))
                    if fault.costsConnection {
                        try await workload.exchange.waitUntil { record, _ in record.openedCount > opened }
                    }
                    await workload.waitForProgress()
                    #expect(events.count("reconnected") >= (fault.costsConnection ? round : 0))
                }
                await workload.stop()
                #expect(client.id == id)
                try await workload.returns(to: before, group)
                workload.checkLedger()
                workload.checkRestoration()
                // No connection more than was needed: one that was opened was lost before the next one.
                let opened = workload.exchange.record.openedCount
                #expect(events.count("down") >= opened - 1)
                #expect(events.count("reconnected") <= opened - 1)
                #expect(fault.costsConnection || opened == 1)
                try await Self.end(workload, group)
                #expect(workload.now.ends.values.sorted() == ExchangeWorkload.channels.map { _ in "finished" })
            }
        }

        @Test("F81: an exchange that freezes is found out by pings, and is connected to again when it thaws")
        func frozen() async throws {
            try await Self.withWorkload { configuration in
                configuration.webSocket.keepalive = .init(interval: .milliseconds(100), timeout: .milliseconds(400))
                configuration.webSocket.deadlines.open = .milliseconds(300)
            } body: { workload, group in
                let client = workload.client.client
                let events = EventRecord()
                await client.addListener(events.listener)
                let before = await ClientAtRest.look(at: client, group)
                workload.begin()
                await workload.waitForProgress()
                try await workload.exchange.freeze()
                await eventually("the client finds out") { events.count("down") >= 1 }
                #expect(events.first("down")?.contains("timed_out") == true, "\(events.all)")
                await eventually("it tries again, and gives each attempt up") { events.count("reconnecting") >= 3 }
                try await workload.exchange.thaw()
                await workload.waitForProgress()
                await workload.stop()
                try await workload.returns(to: before, group)
                workload.checkLedger()
                try await Self.end(workload, group)
            }
        }

        @Test("Retry-After is waited for, and no attempt is made before")
        func retryAfter() async throws {
            try await Self.withWorkload { workload, group in
                let exchange = workload.exchange
                workload.begin()
                await workload.waitForProgress()
                try await exchange.refuse(status: 429, headers: ["Retry-After: 1"], body: "slowly", times: 1)
                let stopwatch = Stopwatch()
                try await exchange.drop()
                try await exchange.waitUntil { record, _ in record.upgrades.map(\.status) == [101, 429, 101] }
                #expect(stopwatch.elapsed >= .milliseconds(990))
                await workload.waitForProgress()
                await workload.stop()
                workload.checkLedger()
                try await Self.end(workload, group)
            }
        }

        @Test("What comes behind a gap is behind its marker, also while other channels are still being restored")
        func gapFirst() async throws {
            try await Self.withWorkload { workload, group in
                workload.begin()
                await workload.waitForProgress()
                // Notifications are not held back: the first channels speak long before the last is confirmed.
                workload.exchange.ledger.changeRules { $0.answers = .delayed(.milliseconds(100)) }
                for _ in 0..<3 {
                    let opened = workload.exchange.record.openedCount
                    try await workload.exchange.drop()
                    try await workload.exchange.waitUntil { record, _ in record.openedCount > opened }
                    await workload.waitForProgress()
                }
                await workload.stop()
                workload.checkLedger()
                for channel in ExchangeWorkload.channels { #expect(workload.now.gaps[channel] ?? 0 >= 3) }
                try await Self.end(workload, group)
            }
        }

        // MARK: Those that do not pass

        @Test(
            "F53: a close code that says that it makes no sense ends the client, and with it every call",
            arguments: [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 3003] as [WebSocketCloseCode]
        )
        func final(code: WebSocketCloseCode) async throws {
            try await Self.withWorkload { workload, group in
                workload.begin()
                await workload.waitForProgress()
                try await workload.exchange.close(code: code, reason: "for good")
                guard case .closed(let info) = try await workload.client.client.waitUntilEnded() else {
                    Issue.record("it ended otherwise")
                    return
                }
                #expect(info.code == code)
                #expect(info.reason == "for good")
                try await Self.afterTheEnd(workload, group, .connectionClosed)
            }
        }

        @Test(
            "F26, F53: a status that says that it makes no sense ends a client that reconnects",
            arguments: [401, 403, 404]
        )
        func final(status: Int) async throws {
            try await Self.withWorkload { workload, group in
                workload.begin()
                await workload.waitForProgress()
                try await workload.exchange.refuse(status: status, body: "never again", times: nil)
                try await workload.exchange.drop()
                guard case .failed(let error) = try await workload.client.client.waitUntilEnded() else {
                    Issue.record("it ended otherwise")
                    return
                }
                #expect(error.code == .upgradeRefused)
                #expect(error.handshake?.status == status)
                #expect(workload.exchange.record.upgrades.map(\.status) == [101, status])
                try await Self.afterTheEnd(workload, group, .upgradeRefused)
            }
        }

        @Test("F54: closing while the exchange is away ends every call, and nobody connects again")
        func closedWhileAway() async throws {
            try await Self.withWorkload { workload, group in
                workload.begin()
                await workload.waitForProgress()
                try await workload.exchange.kill()
                await eventually("it is lost") { workload.client.client.status != .websocketConnected }
                let end = try await workload.client.client.close()
                #expect(end == .local)
                await workload.stop()
                await workload.waitUntilEnded()
                let count = workload.exchange.record.connectionCount
                try await workload.exchange.restart()
                #expect(await group.loops[0].pendingTimers() == 0)
                #expect(workload.exchange.record.connectionCount == count)
                workload.checkLedger()
            }
        }

        @Test("Shutting down the event loops under a client ends it, and with it every call", arguments: [false, true])
        func loopShutDown(whileAway: Bool) async throws {
            try await Self.withWorkload { workload, group in
                workload.begin()
                await workload.waitForProgress()
                if whileAway {
                    try await workload.exchange.kill()
                    await eventually("it is lost") { workload.client.client.status != .websocketConnected }
                }
                await group.shutDown()
                guard case .failed(let error) = try await workload.client.client.waitUntilEnded() else {
                    Issue.record("it ended otherwise")
                    return
                }
                #expect(error.code == .loopShutDown)
                await workload.waitUntilEnded()
                workload.checkLedger()
            }
        }

        // MARK: Around a test

        private static func withWorkload(
            _ configure: (inout ClientConfiguration) -> Void = { _ in },
            body: (ExchangeWorkload, EventLoopGroup) async throws -> Void
        ) async throws {
            try await withMockExchange { exchange in
                let group = try EventLoopGroup()
                let workload = try await ExchangeWorkload(exchange, group: group, configuration: configure)
                do {
                    try await body(workload, group)
                } catch {
                    _ = try? await workload.client.client.close()
                    await group.shutDown()
                    throw error
                }
                await group.shutDown()
            }
        }

        private static func end(_ workload: ExchangeWorkload, _ group: EventLoopGroup) async throws {
            #expect(try await workload.client.client.close() == .local)
            await workload.waitUntilEnded()
            #expect(await group.loops[0].pendingTimers() == 0)
            #expect(workload.client.client.status == .closed)
        }

        /// The client has ended by itself: everybody is told why, at once, and nothing is left.
        private static func afterTheEnd(
            _ workload: ExchangeWorkload,
            _ group: EventLoopGroup,
            _ code: WebSocketError.Code
        ) async throws {
            await workload.waitUntilEnded()
            #expect(workload.now.ends.values.allSatisfy { $0 == code.description }, "\(workload.now.ends)")
            #expect(workload.client.client.status == .error)
            #expect(await group.loops[0].pendingTimers() == 0)
            workload.checkLedger()
            let error = await #expect(throws: WebSocketError.self) { try await workload.client.time() }
            #expect(error?.code == code)
            let opened = workload.exchange.record.openedCount
            #expect(opened == 1)
        }
    }
}

/// What a client's listener was told, in a word each.
final class EventRecord: Sendable {
    private let words = Locked<[String]>([])

    var listener: EventListener {
        EventListener(wantsFrames: false) { [words] event in
            let word =
                switch event.kind {
                case .connectionDown(let reason): "down \(reason)"
                case .reconnecting(let attempt, _, _): "reconnecting \(attempt)"
                case .reconnected(_, let gap): "reconnected after \(gap.attempts)"
                case .ended(let reason): "ended \(reason)"
                default: ""
                }
            if !word.isEmpty { words.withLock { $0.append(word) } }
        }
    }

    var all: [String] { self.words.value }

    func first(_ word: String) -> String? { self.all.first { $0.hasPrefix(word + " ") } }

    func count(_ word: String) -> Int { self.all.count { $0.hasPrefix(word + " ") } }
}
