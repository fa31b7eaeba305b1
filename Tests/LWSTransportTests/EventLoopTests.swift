import Glibc
import LWSTransport
import TestSupport
import Testing
import WebSocketCore

@Suite("An event loop", .timeLimit(.minutes(1)))
struct EventLoopTests {
    private static func configuration(_ backend: EventLoopBackend) -> EventLoop.Configuration {
        var configuration = EventLoop.Configuration()
        configuration.backends = [backend]
        return configuration
    }

    @Test(arguments: EventLoopBackend.allCases)
    func `work of many threads runs once, and in the order of each`(backend: EventLoopBackend) async throws {
        let producers = 8
        let each = 2_000
        try await withEventLoop(Self.configuration(backend)) { loop in
            #expect(loop.backend == backend)
            let order = Locked([[Int]](repeating: [], count: producers))
            await withTaskGroup(of: Void.self) { group in
                for producer in 0..<producers {
                    group.addTask {
                        for number in 0..<each {
                            loop.wake(
                                Note {
                                    #expect(loop.isCurrent)
                                    order.withLock { $0[producer].append(number) }
                                }
                            )
                        }
                    }
                }
            }
            await LoopProbe(loop).count()
            await eventually("all work has run") { order.withLock { $0.allSatisfy { $0.count >= each } } }
            for numbers in order.withLock({ $0 }) { #expect(numbers == Array(0..<each)) }
        }
    }

    @Test(arguments: EventLoopBackend.allCases)
    func `an actor's jobs run on the loop's thread`(backend: EventLoopBackend) async throws {
        try await withEventLoop(Self.configuration(backend)) { loop in
            let probe = LoopProbe(loop)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<200 {
                    group.addTask { for _ in 0..<10 { await probe.count() } }
                }
            }
            #expect(await probe.counter == 2_000)
            #expect(await probe.run { $0.isCurrent })
            #expect(!loop.isCurrent)
        }
    }

    @Test func `a task that prefers the loop runs on it`() async throws {
        try await withEventLoop { loop in
            let isOnLoop = await Task(executorPreference: loop.taskExecutor) {
                await Task.yield()
                return loop.isCurrent
            }.value
            #expect(isOnLoop)
        }
    }

    @Test func `a task may outlive the loop that it prefers`() async throws {
        let (stream, continuation) = AsyncStream<Int>.makeStream()
        var loop: EventLoop? = try EventLoop()
        let preferred = try #require(loop?.taskExecutor)
        let task = Task(executorPreference: preferred) {
            var sum = 0
            for await number in stream { sum += number }
            return sum
        }
        continuation.yield(1)
        await loop?.shutDown()
        loop = nil
        for number in 2...10 {
            continuation.yield(number)
            await Task.yield()
        }
        continuation.finish()
        #expect(await task.value == 55)
        #expect(await Task(executorPreference: preferred) { 7 }.value == 7)
    }

    // MARK: Timers

    @Test(arguments: EventLoopBackend.allCases)
    func `timers run in order, not early, and soon`(backend: EventLoopBackend) async throws {
        try await withEventLoop(Self.configuration(backend)) { loop in
            let probe = LoopProbe(loop)
            let order = Locked<[Int]>([])
            await withTaskGroup(of: Void.self) { group in
                // The last first: each is earlier than the one that the timer is set to.
                for number in (0..<10).reversed() {
                    group.addTask {
                        let duration = Duration.milliseconds(30 + 20 * number)
                        let stopwatch = Stopwatch()
                        #expect(await probe.wait(for: duration) >= .zero)
                        #expect(stopwatch.elapsedInMotion < duration + .seconds(2))
                        order.withLock { $0.append(number) }
                    }
                }
            }
            #expect(order.withLock { $0 }.count == 10)
            _ = await probe.wait(for: .zero)
        }
    }

    @Test func `a cancelled timer does not run`() async throws {
        try await withEventLoop { loop in
            let probe = LoopProbe(loop)
            let hasRun = Locked(false)
            await probe.run { loop in
                let timer = loop.schedule(at: loop.now + .milliseconds(20)) { hasRun.value = true }
                loop.cancel(timer)
            }
            _ = await probe.wait(for: .milliseconds(60))
            let ran = hasRun.value
            #expect(!ran)
        }
    }

    // MARK: The end

    @Test(arguments: EventLoopBackend.allCases)
    func `a loop without connections shuts down, as often as it is asked`(backend: EventLoopBackend) async throws {
        let loop = try EventLoop(configuration: Self.configuration(backend))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { await loop.shutDown() } }
        }
        await loop.shutDown()
        #expect(loop.liveTunnels == 0)
    }

    @Test func `jobs that come after the end still run`() async throws {
        let loop = try EventLoop()
        let probe = LoopProbe(loop)
        await loop.shutDown()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { for _ in 0..<10 { await probe.count() } } }
        }
        #expect(await probe.counter == 500)
        #expect(await probe.run { $0.isCurrent })
    }

    @Test func `jobs that come while the loop ends run once, and on it`() async throws {
        for _ in 0..<100 {
            let loop = try EventLoop()
            let probe = LoopProbe(loop)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { for _ in 0..<50 { await probe.count() } } }
                group.addTask { await loop.shutDown() }
                group.addTask { await loop.shutDown() }
            }
            #expect(await probe.counter == 200)
        }
    }

    @Test func `a loop can be shut down from one of its own tasks`() async throws {
        let loop = try EventLoop()
        await Task(executorPreference: loop.taskExecutor) { await loop.shutDown() }.value
        #expect(await LoopProbe(loop).run { _ in true })
    }

    @Test func `a timer that is set after the end touches nobody else's`() async {
        // In a process of its own: the second loop is to get the descriptor numbers of the first.
        await #expect(processExitsWith: .success) {
            let ended = try EventLoop()
            await ended.shutDown()
            try await withEventLoop { loop in
                let probe = LoopProbe(loop)
                let stopwatch = Stopwatch()
                async let lateness = probe.wait(for: .milliseconds(300))
                await probe.count()
                await LoopProbe(ended).run { ended in
                    _ = ended.schedule(at: ended.now + .seconds(3_600)) {}
                }
                #expect(await lateness >= .zero)
                #expect(stopwatch.elapsedInMotion < .seconds(5))
            }
        }
    }
}

@Suite("A group of event loops", .timeLimit(.minutes(1)))
struct EventLoopGroupTests {
    @Test(arguments: [Int.min, -1, 0, 1025, Int.max])
    func `the number of loops has bounds`(count: Int) {
        let error = #expect(throws: WebSocketError.self) { try EventLoopGroup(loopCount: count) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("\(count)") == true)
    }

    @Test func `each loop has its turn`() async throws {
        let group = try EventLoopGroup(loopCount: 3)
        let taken = (0..<9).map { _ in ObjectIdentifier(group.nextLoop()) }
        #expect(Set(taken).count == 3)
        #expect(Array(taken[0..<3]) == Array(taken[3..<6]))
        #expect(Array(taken[0..<3]) == Array(taken[6..<9]))
        await group.shutDown()
    }

    /// Each context takes some descriptors, and there are not enough for all; where they end differs.
    @Test(arguments: 40..<60)
    func `a group that cannot have all its loops gives back those it had`(descriptors: UInt) async {
        await #expect(processExitsWith: .success) { [descriptors] in
            var limit = rlimit(rlim_cur: descriptors, rlim_max: descriptors)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let error = #expect(throws: WebSocketError.self) { try EventLoopGroup(loopCount: 100) }
            #expect(error?.code == .resourceExhausted)
            await eventually("the loops that were made have ended") {
                (try? Self.loopThreads()) == 0
            }
        }
    }

    private static func loopThreads() throws -> Int {
        guard let directory = opendir("/proc/self/task") else { return -1 }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let file = fopen("/proc/self/task/\(name)/comm", "r") else { continue }
            var line = [CChar](repeating: 0, count: 32)
            if fgets(&line, 32, file) != nil, strncmp(line, "nova-loop", 9) == 0 { count += 1 }
            fclose(file)
        }
        return count
    }

    @Test func `there is one shared group`() throws {
        #expect(try EventLoopGroup.shared() === EventLoopGroup.shared())
        #expect(try EventLoopGroup.shared().loops.count == 1)
    }
}
