import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    /// In processes of their own: memory, descriptors, threads and objects are counted.
    @Suite("What is left behind", .timeLimit(.minutes(3)))
    struct LeakTests {
        enum Cycle: String, CaseIterable, Codable {
            case echo, handler, compressed, tls, refused, reset, cancelled, timedOut, unreachable

            /// How many in all.
            var count: Int {
                let count = self == .echo ? 10_000 : 1_000
                return SlowLane.isOn ? count : count / 10 + self.warmCount
            }

            /// After how many memory has to be flat.
            var warmCount: Int { 100 }
        }

        @Test(.disabled(if: Sanitizer.isOn, "sanitizers take memory of their own"), arguments: Cycle.allCases)
        func `nothing is left of connections`(cycle: Cycle) async {
            await #expect(processExitsWith: .success) { [cycle] in
                let refusal = EchoServer.Refusal(status: 403, body: "no")
                let server = try EchoServer(
                    configuration: EchoServer.Configuration(
                        isTLS: cycle == .tls,
                        permessageDeflate: cycle == .compressed ? EchoServer.PermessageDeflate() : nil,
                        refusals: ["/refused": refusal]
                    )
                )
                let scripts: [[ScriptedServer.Step]] =
                    switch cycle {
                    case .reset: (0..<cycle.count).map { $0 % 2 == 0 ? [.expectUpgrade, .reset] : [.reset] }
                    case .cancelled, .timedOut:
                        (0..<cycle.count).map { _ in [.waitForEndOfStream] }
                    default: []
                    }
                let script = try ScriptedServer(scripts: scripts, deadline: .seconds(170))
                let group = try EventLoopGroup()
                let loop = group.loops[0]
                let configuration = WebSocketConfiguration.with {
                    $0.eventLoopGroup = group
                    $0.tls.trustRoots = .pem(server.certificatePEM)
                    $0.deadlines.open = cycle == .timedOut ? .milliseconds(5) : .seconds(10)
                    $0.compression = cycle == .compressed ? .defaults : nil
                }
                let unused = try unusedPort()
                var census = ProcessCensus.take()
                var resident = 0
                var heap = 0
                for number in 0..<cycle.count {
                    if number == cycle.warmCount {
                        await eventually("no connection is left") {
                            LiveObjects.all.isEmpty && server.connectionCount == 0
                        }
                        census = ProcessCensus.take()
                        resident = ProcessCensus.residentKiB
                        heap = Heap.bytesInUse
                    }
                    switch cycle {
                    case .echo, .compressed, .tls:
                        try await withWebSocket(to: server.url, configuration: configuration) { socket in
                            let text = "message \(number) " + String(repeating: "x", count: number % 700)
                            try await socket.send(text)
                            #expect(try await socket.nextMessage() == .text(text))
                        }
                    case .handler:
                        let (stream, continuation) = AsyncStream<Void>.makeStream()
                        let socket = try await WebSocket.connect(to: server.url, configuration: configuration) {
                            _,
                            _,
                            _ in
                            continuation.finish()
                        }
                        try await socket.send("x")
                        for await _ in stream {}
                        try await socket.close()
                    case .refused:
                        #expect(await openingError(server.url + "refused", configuration)?.code == .upgradeRefused)
                    case .reset:
                        _ = await openingError(script.url, configuration)
                    case .unreachable:
                        #expect(await openingError("ws://127.0.0.1:\(unused)/", configuration)?.code == .connectFailed)
                    case .cancelled:
                        let attempt = Task { try await WebSocket.connect(to: script.url, configuration: configuration) }
                        for _ in 0..<(number % 50) { await Task.yield() }
                        attempt.cancel()
                        await #expect(throws: CancellationError.self) { try await attempt.value }
                    case .timedOut:
                        #expect(await openingError(script.url, configuration)?.code == .timedOut)
                    }
                }
                await eventually("no connection is left") {
                    LiveObjects.all.isEmpty && server.connectionCount == 0
                }
                #expect(LiveObjects.all.isEmpty, "\(LiveObjects.all)")
                #expect(loop.liveTunnels == 0)
                #expect(await loop.pendingTimers() == 0)
                let heapGrowth = Heap.bytesInUse - heap
                let growth = ProcessCensus.residentKiB - resident
                print("\(cycle): \(heapGrowth) bytes, \(growth) KiB")
                #expect(growth < 4 << 10, "\(growth) KiB more")
                await script.stop()
                await eventually("descriptors and threads are as before: \(census)") {
                    let now = ProcessCensus.take()
                    return now.descriptors <= census.descriptors && now.threads <= census.threads
                }
                await group.shutDown()
                await server.stop()
            }
        }
    }
}
