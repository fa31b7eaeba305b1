import Glibc
import TestSupport
import Testing
import WebSocketNovaTesting

@testable import WebSocketNova

/// A connection that takes the place of one that a listener holds back.
@Suite("A new connection while a listener has room for nothing", .timeLimit(.minutes(1)))
struct HeldBackReconnectionTests {
    /// How much processor time the process has taken.
    private static func processorTime() -> Duration {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return .seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + .microseconds(Int64(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec))
    }

    @Test("F43: what came with the head is kept for when there is room, and costs no processor time until then")
    func keepsStill() async {
        // In a process of its own, because of the time of the processor.
        await #expect(processExitsWith: .success) {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(following: ScriptedServer.Frame.text("hello").encoded), .waitForEndOfStream,
            ]
            let server = try ScriptedServer(scripts: [script, script])
            var configuration = ClientConfiguration(url: server.url)
            // Full with the first message: the connection is up, and upgraded.
            configuration.listenerBuffer.count = 3
            // The server does not answer Close frames.
            configuration.webSocket.deadlines.close = .milliseconds(100)
            let client = try WebSocketClient(configuration)
            let frames = client.events
            let life = client.events(withFrames: false)
            try await client.connect()
            while await !client.engine.isHeldBack { await Task.yield() }
            await client.engine.reconnect(after: .zero)
            for await event in life {
                if case .reconnected = event.kind { break }
            }
            let before = Self.processorTime()
            try await Task.sleep(for: .milliseconds(500))  // the time in which nothing is to happen
            #expect(Self.processorTime() - before < .milliseconds(200))
            var texts: [String] = []
            for await event in frames {
                guard case .frame(_, .text(let text)) = event.kind else { continue }
                texts.append(text)
                if texts.count == 2 { break }
            }
            #expect(texts == ["hello", "hello"])
            try await client.close()
        }
    }
}
