import CProcessors
import FoundationEssentials
import Glibc

/// Processors, by the numbers that the kernel gives them.
struct ProcessorSet: Hashable, Sendable {
    /// In ascending order.
    let numbers: [Int]

    init(_ numbers: some Sequence<Int>) {
        self.numbers = Set(numbers).sorted()
    }

    /// Those on which a thread may run. Not all of the machine: a container or `taskset` may have taken some away.
    ///
    /// - Parameter thread: 0 is the one that asks.
    static func allowed(thread: pid_t = 0) throws -> ProcessorSet {
        var mayRun = [Bool](repeating: false, count: Self.most)
        guard processors_get(thread, &mayRun) else {
            throw BenchmarkError(errno: errno, "cannot find out the processors of thread \(thread)")
        }
        return ProcessorSet(mayRun.indices.filter { mayRun[$0] })
    }

    /// Does something on this thread while it may run on these alone; a process that is started by it stays on them.
    func bound<Value>(_ body: () throws -> Value) throws -> Value {
        let before = try Self.allowed()
        try self.bind(thread: 0)
        let result = Result { try body() }
        try before.bind(thread: 0)
        return try result.get()
    }

    /// Binds all threads that another process has, and so those that they start.
    func bind(process: pid_t) throws {
        // The one that starts the others comes first: whoever is not in the list that follows is started by a bound one.
        try self.bind(thread: process)
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task") {
            guard let thread = pid_t(name), thread != process else { continue }
            do { try self.bind(thread: thread) } catch {
                // It may have ended meanwhile, as that of a connection does.
                if kill(thread, 0) == 0 { throw error }
            }
        }
    }

    private func bind(thread: pid_t) throws {
        var mayRun = [Bool](repeating: false, count: Self.most)
        for number in self.numbers where mayRun.indices.contains(number) { mayRun[number] = true }
        guard processors_bind(thread, mayRun) else {
            throw BenchmarkError(errno: errno, "cannot bind thread \(thread) to processors \(self.numbers)")
        }
    }

    private static let most = PROCESSORS
}
