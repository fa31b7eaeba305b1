import FoundationEssentials
import Glibc
import Testing

@testable import nova_bench

@Suite struct PlacementTests {
    private func sets(_ placement: Placement, _ allowed: [Int]) -> [[Int]]? {
        placement.processors(of: ProcessorSet(allowed)).map { [$0.server.numbers, $0.client.numbers] }
    }

    @Test func apartTheServerHasTheLastProcessorAndTheClientAllOthers() {
        #expect(self.sets(.apart, [0, 1]) == [[1], [0]])
        #expect(self.sets(.apart, [9, 2, 3, 5]) == [[9], [2, 3, 5]])
        #expect(self.sets(.apart, [7]) == nil)
        #expect(self.sets(.apart, []) == nil)
    }

    @Test func onOneCoreTheyHaveTheSame() {
        #expect(self.sets(.oneCore, [9, 2, 3, 5]) == [[9], [9]])
        #expect(self.sets(.oneCore, [7]) == [[7], [7]])
        #expect(self.sets(.oneCore, []) == nil)
    }

    @Test func withOneProcessorWhatShouldBeApartIsOnOneCoreAndStandsThereOnce() {
        let plans = [
            Plan(work: .flood, size: 125, count: 1),
            Plan(work: .echo, size: 125, count: 1, placement: .apart),
            Plan(work: .echo, size: 1024, count: 1, placement: .apart),
            Plan(work: .echo, size: 125, count: 1, placement: .oneCore),
        ]
        #expect(Plan.possible(plans, on: ProcessorSet([0, 1])) == plans)
        let titles = Plan.possible(plans, on: ProcessorSet([3])).map(\.title)
        #expect(titles == ["flood 125 B", "echo 125 B, one core", "echo 1 KiB, one core"])
    }

    @Test func everyEchoOfARunHasAPlacement() {
        for group in PlanGroup.allCases {
            for plan in Plan.standard(group) {
                let isPlaced = plan.work == .echo && group != .connect
                #expect((plan.placement != nil) == isPlaced, "\(group), \(plan.title)")
                #expect(plan.placement != .oneCore || group == .messages, "\(group), \(plan.title)")
            }
        }
        for isQuick in [false, true] {
            let echoes = Plan.standard(.messages, quick: isQuick).filter { $0.work == .echo }
            let (apart, oneCore) = (
                echoes.filter { $0.placement == .apart }, echoes.filter { $0.placement == .oneCore }
            )
            #expect(apart.map(\.size) == Plan.sizes.suffix(isQuick ? 5 : 6))
            #expect(oneCore.map(\.size) == apart.map(\.size))
            for plan in LayerPlan.all(quick: isQuick) {
                #expect(plan.placement == (plan.work == .echo ? .oneCore : nil), "\(plan.title)")
            }
        }
    }

    @Test func aThreadIsBoundForAsLongAsItDoesSomething() throws {
        let before = try ProcessorSet.allowed()
        let one = ProcessorSet([try #require(before.numbers.last)])
        #expect(try one.bound { try ProcessorSet.allowed() } == one)
        #expect(try ProcessorSet.allowed() == before)
        #expect(throws: CancellationError.self) { try one.bound { throw CancellationError() } }
        #expect(try ProcessorSet.allowed() == before)
    }

    @Test func whatCannotBeBoundIsSaid() throws {
        #expect(throws: BenchmarkError.self) { try ProcessorSet([]).bound {} }
        let process = try ChildProcess(executable: "true", arguments: [])
        _ = process.wait()
        #expect(throws: BenchmarkError.self) { try ProcessorSet.allowed().bind(process: process.pid) }
    }
}

/// With the program itself as the server, and as the client a script that says on which processors the two are.
@Suite struct PlacedRaceTests {
    private struct Observer: Contestant {
        let name = "observer"
        let way = "looks where it is"
        let path: LibraryPath? = nil

        func perform(_ assignment: Assignment) async throws -> Outcome { throw BenchmarkError("not here") }
    }

    /// What the script has seen in one run.
    private struct Sight: Equatable {
        var client: ProcessorSet
        /// Of each thread.
        var server: [ProcessorSet]

        /// - Parameter lines: the client's, then those of the server's threads, as the kernel writes them.
        init(_ lines: some Collection<String>) throws {
            var sets = try lines.map(Self.processors)
            self.client = try #require(sets.isEmpty ? nil : sets.removeFirst())
            self.server = sets
        }

        /// `Cpus_allowed_list: 0,4-7`.
        private static func processors(_ line: String) throws -> ProcessorSet {
            let list = try #require(line.split(whereSeparator: \.isWhitespace).last)
            let numbers = try list.split(separator: ",").flatMap { range in
                let ends = try range.split(separator: "-").map { try #require(Int($0)) }
                return Array(ends[0]...ends[ends.count - 1])
            }
            return ProcessorSet(numbers)
        }
    }

    /// - Parameter exitStatus: of the script.
    private func sights(of placement: Placement?, exitStatus: Int = 0) throws -> (runs: [Sight], after: [ProcessorSet])
    {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "nova-bench-\(UInt64.random(in: 0 ... .max))"
        )
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let server = try LoadServerProcess(program: try Self.program())
        defer { server.stop() }
        let (script, log) = (folder.appending(path: "observer"), folder.appending(path: "log"))
        try """
        #!/bin/sh
        cat /proc/self/status /proc/\(server.pid)/task/*/status | grep Cpus_allowed_list: >>'\(log.path)'
        echo end >>'\(log.path)'
        echo '{"name":"observer","mode":"echo","size":125,"n":1,"seconds":1,"cpu_ns_per_msg":1,"p50_us":1,"max_rss_kb":1}'
        exit \(exitStatus)
        """.write(toFile: script.path, atomically: true, encoding: .utf8)
        #expect(chmod(script.path, 0o700) == 0)

        let race = Race(
            plan: [Plan(work: .echo, size: 125, count: 1, placement: placement)],
            contestants: [Observer()],
            rounds: 2,
            url: server.url,
            server: server.pid,
            program: script.path
        )
        var failures = 0
        let results = try race.run { _ in failures += 1 }
        // One that fails is left out of the rounds that follow.
        #expect(results.map(\.samples.count) == (exitStatus == 0 ? [2] : []))
        #expect(failures == (exitStatus == 0 ? 0 : 1))
        let lines = try String(contentsOf: log, encoding: .utf8).split(separator: "\n").map(String.init)
        let runs = try lines.split(separator: "end").map { try Sight($0) }
        let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server.pid)/task")
        return (runs, try threads.map { try ProcessorSet.allowed(thread: try #require(pid_t($0))) })
    }

    /// `nova-bench`, which lies beside the program of the tests.
    private static func program() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(filePath: own).deletingLastPathComponent().appending(path: "nova-bench").path
        try #require(access(program, X_OK) == 0, "\(program) has not been built")
        return program
    }

    @Test(arguments: Placement.allCases)
    func clientAndServerAreWhereThePlanWantsThem(placement: Placement) throws {
        let allowed = try ProcessorSet.allowed()
        guard let expected = placement.processors(of: allowed) else { return }
        let (runs, after) = try self.sights(of: placement)
        #expect(runs.count == 2)
        for run in runs {
            #expect(run.client == expected.client)
            // One waits for connections, another for the end of the input.
            #expect(run.server.count > 1 && Set(run.server) == [expected.server])
        }
        #expect(after.count > 1 && Set(after) == [allowed])
        #expect(try ProcessorSet.allowed() == allowed)
    }

    @Test func theServerIsFreeAgainAfterARunThatFails() throws {
        let allowed = try ProcessorSet.allowed()
        let (runs, after) = try self.sights(of: .oneCore, exitStatus: 1)
        #expect(runs.map(\.client) == [ProcessorSet(allowed.numbers.suffix(1))])
        #expect(Set(runs.flatMap(\.server)) == [ProcessorSet(allowed.numbers.suffix(1))])
        #expect(after.count > 1 && Set(after) == [allowed])
    }

    @Test func withoutAPlacementNobodyIsBound() throws {
        let allowed = try ProcessorSet.allowed()
        let runs = try self.sights(of: nil).runs
        #expect(runs.map(\.client) == [allowed, allowed])
        #expect(Set(runs.flatMap(\.server)) == [allowed])
    }

    @Test func aPlacementNeedsTheServersProcess() {
        let race = Race(
            plan: [Plan(work: .echo, size: 125, count: 1, placement: .oneCore)],
            contestants: [Observer()],
            rounds: 1,
            url: "ws://127.0.0.1:1",
            program: "true"
        )
        #expect { try race.run() } throws: { "\($0)".contains("no server that could be bound") }
    }
}
