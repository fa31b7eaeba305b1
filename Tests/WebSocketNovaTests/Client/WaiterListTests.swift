import LWSTransport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@testable import WebSocketNova

@Suite("Tasks that wait for the engine", .timeLimit(.minutes(1)))
struct WaiterListTests {
    /// Waits as the engine does: on an actor, where what is waited for happens next.
    private actor Waiter {
        let list = WaiterList<Int>()

        func waitFor(_ value: Int, on loop: any TransportLoop) async throws -> Int {
            Task { self.happen(value) }
            return try await self.list.wait(on: loop)
        }

        private func happen(_ value: Int) { self.list.resumeAll(with: .success(value)) }
    }

    private static func loop(of network: InMemoryNetwork) throws -> any TransportLoop {
        var configuration = WebSocketConfiguration()
        configuration.use(network)
        return try #require(configuration.transport).loop
    }

    @Test("F23: what is waited for may happen as soon as the waiting actor is free")
    func happensAtOnce() async throws {
        try await withInMemoryNetwork { network in
            let waiter = Waiter()
            let loop = try Self.loop(of: network)
            for value in 0..<1_000 { #expect(try await waiter.waitFor(value, on: loop) == value) }
            #expect(waiter.list.isEmpty)
        }
    }

    @Test("F23: a task that is cancelled before it waits does not wait, and leaves nothing behind")
    func cancelledBefore() async throws {
        try await withInMemoryNetwork { network in
            let list = WaiterList<Int>()
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await list.wait(on: try Self.loop(of: network))
            }
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(list.isEmpty)
        }
    }
}
