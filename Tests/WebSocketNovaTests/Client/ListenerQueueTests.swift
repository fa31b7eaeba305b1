import Synchronization
import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("What waits for a listener", .timeLimit(.minutes(1)))
struct ListenerQueueTests {
    private final class Room: Sendable {
        private let count = Atomic(0)
        func note() { self.count.add(1, ordering: .relaxed) }
        var notes: Int { self.count.load(ordering: .relaxed) }
    }

    private func make(_ count: Int, takesAll: Bool = true, room: Room = Room()) -> ListenerQueue<Int> {
        var limit = ClientConfiguration.ListenerBuffer()
        limit.count = count
        return ListenerQueue(limit: limit, takesAll: takesAll) { room.note() }
    }

    /// Waits until a task waits at the queue: then what is appended goes to it, and the queue stays empty.
    private func readers(_ count: Int, of queue: ListenerQueue<Int>) async -> [Task<Int?, any Error>] {
        let tasks = (0..<count).map { _ in Task { try await queue.next() } }
        while queue.waitingReaders < count { await Task.yield() }
        return tasks
    }

    @Test("F42: a full queue says so once, and says that there is room when its reader has taken what was there")
    func fullness() async throws {
        let room = Room()
        let queue = self.make(4, room: room)
        #expect((0..<4).map { queue.append($0, bytes: 1) } == [false, false, false, true])
        #expect(queue.isFull)
        #expect(try await queue.next() == 0)
        #expect(!queue.isFull)
        #expect(room.notes == 1)
        queue.append(4, bytes: 1)
        for value in 1...4 { #expect(try await queue.next() == value) }
        #expect(room.notes == 1)
    }

    @Test("F43: of what does not come from the socket the oldest go, from four times the limit on; the rest stays")
    func bound() async throws {
        let queue = self.make(4)
        for value in 0..<1_000 {
            queue.appendUnbidden(value)
            if value % 100 == 0 { queue.append(-value, bytes: 1) }
        }
        queue.finish()
        var values: [Int] = []
        while let value = try await queue.next() { values.append(value) }
        #expect(values.filter { $0 < 0 } == (1..<10).map { -100 * $0 })
        let unbidden = values.filter { $0 > 0 }
        #expect((16...20).contains(unbidden.count))
        #expect(unbidden == Array((1_000 - unbidden.count)...999))
    }

    @Test("F42: what is appended without waking comes to those who wait, in order, when they are woken")
    func deferredWaking() async throws {
        let queue = self.make(16)
        let tasks = await self.readers(2, of: queue)
        for value in 0..<3 { queue.append(value, bytes: 1, wakes: false) }
        #expect(queue.waitingReaders == 2)
        queue.wake()
        var values: Set<Int?> = []
        for task in tasks { values.insert(try await task.value) }
        #expect(values == [0, 1])
        #expect(try await queue.next() == 2)
    }

    @Test("F42: the end comes behind what was appended without waking")
    func endBehindDeferred() async throws {
        let queue = self.make(16)
        let tasks = await self.readers(1, of: queue)
        queue.append(7, bytes: 1, wakes: false)
        queue.finish()
        #expect(try await tasks[0].value == 7)
        #expect(try await queue.next() == nil)
    }

    @Test("F42: a reader that is cancelled loses nothing for the next one")
    func cancellation() async throws {
        let queue = self.make(16)
        for value in 0..<3 { queue.append(value, bytes: 1) }
        #expect(try await queue.next() == 0)
        let cancelled = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await queue.next()
        }
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(try await queue.next() == 1)
        #expect(try await queue.next() == 2)
        let waiting = await self.readers(1, of: queue)
        waiting[0].cancel()
        await #expect(throws: CancellationError.self) { try await waiting[0].value }
        #expect(queue.waitingReaders == 0)
        queue.append(3, bytes: 1)
        #expect(try await queue.next() == 3)
    }

    @Test("F42: where the oldest make room, a slow reader gets what has come last")
    func dropping() async throws {
        let queue = self.make(4, takesAll: false)
        for value in 0..<4 { queue.append(value, bytes: 1, merging: { $0 + $1 }) }
        #expect(try await queue.next() == 0)
        for value in 4..<10 { queue.append(value, bytes: 1, merging: { $0 + $1 }) }
        #expect(try await queue.next() == 1 + 2 + 3 + 4 + 5 + 6)
        for value in 7..<10 { #expect(try await queue.next() == value) }
    }

    @Test("F42: several readers get every element once, while the loop appends, full or not")
    func manyReaders() async throws {
        let room = Room()
        let queue = self.make(64, room: room)
        let total = 20_000
        let sums = try await withThrowingTaskGroup(of: (count: Int, sum: Int).self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var (count, sum) = (0, 0)
                    while let value = try await queue.next() { (count, sum) = (count + 1, sum + value) }
                    return (count, sum)
                }
            }
            group.addTask {
                for value in 0..<total {
                    queue.append(value, bytes: 1, wakes: value % 10 == 9)
                    while queue.isFull { await Task.yield() }
                }
                queue.finish()
                return (0, 0)
            }
            return try await group.reduce((count: 0, sum: 0)) { ($0.count + $1.count, $0.sum + $1.sum) }
        }
        #expect(sums.count == total)
        #expect(sums.sum == total * (total - 1) / 2)
    }
}
