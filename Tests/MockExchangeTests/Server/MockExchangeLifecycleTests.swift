import Glibc
import MockExchange
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

@Suite("The life of a mock exchange", .timeLimit(.minutes(2)))
struct MockExchangeLifecycleTests {
    @Test func `a wait ends with an error when its time is up, its task is cancelled or the server stops`() async throws
    {
        let exchange = try MockExchangeServer()
        await #expect(throws: TestServerError.self) {
            try await exchange.waitUntil(within: .milliseconds(10)) { _, _ in false }
        }
        let cancelled = Task { try await exchange.nextConnection() }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        let waiting = Task { try await exchange.waitUntil { _, _ in false } }
        await exchange.stop()
        await #expect(throws: TestServerError.self) { try await waiting.value }
        await #expect(throws: TestServerError.self) { try await exchange.kill() }
        await exchange.stop()
    }

    @Test func `stops with connections in every phase, frozen or not`() async throws {
        for isFrozen in [false, true] {
            let exchange = try MockExchangeServer()
            let client = try await PlainClient(exchange)
            if isFrozen { try await exchange.freeze() }
            await exchange.stop()
            #expect(try await client.end().code == .abnormalClosure)
            let next = try MockExchangeServer(port: exchange.port)
            #expect(next.port == exchange.port)
            await next.stop()
        }
    }

    /// In a process of its own, because other tests open descriptors and threads.
    @Test func `leaves neither a thread nor a descriptor behind`() async {
        await #expect(processExitsWith: .success) {
            func cycle() async throws {
                try await withMockExchange { exchange in
                    let client = try await PlainClient(exchange)
                    try await exchange.kill()
                    _ = try await client.end()
                    try await exchange.restart()
                    let next = try await PlainClient(exchange)
                    try await exchange.dropMidFrame()
                    _ = try await next.end()
                }
            }
            // The first open what the runtime and the client's event loop keep.
            for _ in 0..<3 { try await cycle() }
            try await openRuntimeTimers()
            let before = Self.entries(of: "/proc/self/fd")
            for _ in 0..<30 { try await cycle() }
            // The client's own descriptors are closed soon after it has ended.
            await eventually("descriptors as before") { Self.entries(of: "/proc/self/fd") <= before }
            #expect(Self.threads(named: "nova-exchange") == 0)
        }
    }

    private static func threads(named name: String) -> Int {
        Self.names(in: "/proc/self/task").count { thread in
            guard let file = fopen("/proc/self/task/\(thread)/comm", "r") else { return false }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 64)
            let count = fread(&bytes, 1, bytes.count, file)
            return String(decoding: bytes.prefix(count), as: UTF8.self).hasPrefix(name)
        }
    }

    private static func entries(of path: String) -> Int { Self.names(in: path).count }

    private static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            )
        }
        return names
    }
}
