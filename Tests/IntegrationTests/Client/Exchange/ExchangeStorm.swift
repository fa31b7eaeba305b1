import Glibc
import MockExchange
import TestSupport
import Testing
import WebSocketCore
import WebSocketNova

/// Random faults of an exchange at random times, while several tasks use a client; then everything has to be as it was.
///
/// It runs in a process of its own, whose threads, descriptors and objects it counts. The seed brings the same faults back
/// with the same pauses, though not to the same moments of the client's.
struct ExchangeStorm: Codable, Sendable {
    var seconds: Int
    var seed: UInt64
    /// A file for its progress; `scripts/soak` shows it.
    var log: String?

    /// As the environment has it.
    static func chosen(seconds: Int) -> ExchangeStorm {
        func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        return ExchangeStorm(
            seconds: value("WEBSOCKETNOVA_SOAK_SECONDS").flatMap { Int($0) } ?? seconds,
            seed: value("WEBSOCKETNOVA_SOAK_SEED").flatMap { UInt64($0) } ?? UInt64.random(in: 1..<1 << 32),
            log: value("WEBSOCKETNOVA_SOAK_LOG")
        )
    }

    // MARK: The course of it

    func run() async throws {
        self.tell("seed \(self.seed), \(self.seconds) s")
        try await openRuntimeTimers()
        let group = try EventLoopGroup()
        try await withMockExchange { exchange in
            let workload = try await ExchangeWorkload(
                exchange,
                group: group,
                pace: .milliseconds(10),
                publishing: .milliseconds(10),
                heartbeat: .milliseconds(500)
            ) { configuration in
                // Finds out an exchange that is frozen for longer.
                configuration.webSocket.keepalive = .init(interval: .milliseconds(200), timeout: .milliseconds(400))
                configuration.webSocket.deadlines.open = .milliseconds(500)
                configuration.requestTimeout = .seconds(1)
            }
            try await Self.warmUp(workload)
            let before = try await Self.quiet(workload, group)
            let events = EventRecord()
            await workload.client.client.addListener(events.listener)

            workload.begin()
            let faults = try await self.rage(workload, events)
            try #require(!workload.client.client.status.isTerminal, "the client has given up")
            await workload.waitForProgress()
            await workload.stop()
            try await workload.returns(to: before.client, group)
            workload.checkLedger()
            await Self.check(before, workload, group)
            self.summarise(workload, events, faults)
            #expect(events.count("ended") == 0)

            #expect(try await workload.client.client.close() == .local)
            await workload.waitUntilEnded()
            #expect(await group.loops[0].pendingTimers() == 0)
        }
        await eventually("no object is left") { LiveObjects.all.isEmpty }
        #expect(LiveObjects.all.isEmpty, "\(LiveObjects.all)")
        await group.shutDown()
    }

    /// The first reconnection of a process takes some descriptors and objects for good.
    private static func warmUp(_ workload: ExchangeWorkload) async throws {
        _ = try await workload.client.time()
        try await workload.exchange.drop()
        try await workload.exchange.waitUntil { record, _ in record.openedCount == 2 }
        _ = try await workload.client.time()
    }

    /// Until the end of the time, one fault after the other, with pauses in which the client may or may not recover.
    private func rage(_ workload: ExchangeWorkload, _ events: EventRecord) async throws -> Int {
        var random = SeededGenerator(seed: self.seed)
        let begin = ContinuousClock.now
        var (faults, told) = (0, 0)
        while ContinuousClock.now - begin < .seconds(self.seconds) {
            guard let fault = ExchangeFault.all.randomElement(using: &random) else { break }
            try await fault.happen(to: workload.exchange, for: .milliseconds(.random(in: 1...700, using: &random)))
            faults += 1
            // A time without a fault.
            try await Task.sleep(for: .milliseconds(.random(in: 0...400, using: &random)))
            let elapsed = Int((ContinuousClock.now - begin) / .seconds(1))
            if elapsed / 10 > told {
                told = elapsed / 10
                self.tell(Self.line("\(elapsed) s", workload, events, faults))
                // Once in a while everybody gets on: nobody hangs for good behind the others.
                await workload.waitForProgress(within: .seconds(60))
            }
            if workload.client.client.status.isTerminal || !workload.now.violations.isEmpty {
                self.tell(
                    "it went wrong after \(fault): \(workload.client.client.status.rawValue), \(workload.now.violations)"
                )
                self.tell("what came before: \(events.all.suffix(12))")
                break
            }
        }
        return faults
    }

    // MARK: What is left

    private struct Before {
        var client: ClientAtRest
        var process: ProcessCensus
        var objects: [LiveObjects.Kind: Int]
    }

    /// What there is while nothing is under way.
    private static func quiet(_ workload: ExchangeWorkload, _ group: EventLoopGroup) async throws -> Before {
        await eventually("what was before is gone") { LiveObjects.count(of: .connection) == 1 }
        return Before(
            client: await ClientAtRest.look(at: workload.client.client, group),
            process: ProcessCensus.take(),
            objects: LiveObjects.all
        )
    }

    private static func check(_ before: Before, _ workload: ExchangeWorkload, _ group: EventLoopGroup) async {
        await eventually("there are as many objects as before: \(before.objects)") { LiveObjects.all == before.objects }
        #expect(LiveObjects.all == before.objects)
        // A sanitizer opens descriptors of its own when it likes.
        if Sanitizer.isOn { return }
        await eventually("threads and descriptors are as before: \(before.process)") {
            let now = ProcessCensus.take()
            return now.threads <= before.process.threads && now.descriptors <= before.process.descriptors
        }
        let now = ProcessCensus.take()
        #expect(now.descriptors <= before.process.descriptors, "\(ProcessCensus.openDescriptors)")
    }

    // MARK: Telling

    private static func line(
        _ head: String,
        _ workload: ExchangeWorkload,
        _ events: EventRecord,
        _ faults: Int
    ) -> String {
        let now = workload.now
        let trades = now.trades.values.reduce(0, +)
        let orders = now.acknowledged.keys.count { $0.hasPrefix("order") }
        let bought = now.acknowledged.count - orders
        return
            "\(head): \(faults) faults, \(events.count("reconnected")) reconnections; \(orders) orders "
            + "in \(now.attempts) attempts, \(bought) bought, \(now.posted) posted, \(now.requests) requests, \(now.pings) pings, "
            + "\(trades) trades, \(now.visits) visits; \(ProcessCensus.residentKiB >> 10) MiB"
    }

    private func summarise(_ workload: ExchangeWorkload, _ events: EventRecord, _ faults: Int) {
        self.tell(Self.line("in all", workload, events, faults))
        let (now, ledger) = (workload.now, workload.exchange.ledger.snapshot)
        let posted = ledger.orders.count { $0.label?.hasPrefix("posted") ?? false }
        self.tell("calls that failed: \(now.failures.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" })")
        self.tell("in the ledger: \(ledger.orders.count - posted) orders, \(posted) posted")
        self.tell("asked for again and known: \(ledger.repeatedLabels.count)")
        self.tell("wrong: \(now.violations.isEmpty ? "nothing" : "\(now.violations)")")
    }

    private func tell(_ text: String) {
        guard let log, let file = fopen(log, "a") else { return }
        fputs(text + "\n", file)
        fclose(file)
    }
}
