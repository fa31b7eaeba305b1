import HostileServers
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Hostile servers: all of them", .timeLimit(.minutes(1)))
    struct HostileCensusTests {
        /// In a process of its own: descriptors and threads are counted.
        @Test(.disabled(if: Sanitizer.isOn, "sanitizers take descriptors and time of their own"))
        func `nothing is left behind, whatever the server does`() async {
            await #expect(processExitsWith: .success) {
                let authority = try Encounter.authority.get()
                let group = try EventLoopGroup()
                try await openRuntimeTimers()
                // What stays is there after the first ones: the resolver's threads, the vhosts.
                for hostile in [HostileServer.closeWithSwitch, .splitsTLSRecords, .sendsAlert] {
                    try await Self.visit(hostile, authority, group)
                }
                await eventually("no connection is left") { group.loops[0].liveTunnels == 0 }
                let census = ProcessCensus.take()
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    for (number, hostile) in HostileServer.all.enumerated() {
                        if number >= 8 { try await tasks.next() }
                        tasks.addTask { try await Self.visit(hostile, authority, group) }
                    }
                    try await tasks.waitForAll()
                }
                await eventually("no connection is left") { group.loops[0].liveTunnels == 0 }
                await eventually("descriptors and threads are as before: \(census)") {
                    let now = ProcessCensus.take()
                    return now.descriptors <= census.descriptors && now.threads <= census.threads
                }
                await group.shutDown()
            }
        }

        @Test func `each has a name of its own`() {
            let names = HostileServer.all.map(\.description)
            #expect(Set(names).count == names.count)
        }

        /// Does a bit of everything with it, and leaves.
        private static func visit(
            _ hostile: HostileServer,
            _ authority: TestCertificateAuthority,
            _ group: EventLoopGroup
        ) async throws {
            let server = try hostile.start(authority: authority)
            let configuration = WebSocketConfiguration.with {
                $0.eventLoopGroup = group
                $0.compression = .defaults
                $0.tls.trustRoots = .pem(authority.certificatePEM)
                $0.deadlines.open = .milliseconds(200)
                $0.deadlines.close = .milliseconds(100)
            }
            let url = "\(hostile.isSecure ? "wss" : "ws")://127.0.0.1:\(server.port)/"
            if let socket = try? await WebSocket.connect(to: url, configuration: configuration) {
                async let ping = try? socket.ping()
                async let sent: Void? = try? socket.send("go")
                async let read = socket.readToEnd()
                // A moment for the server to do its worst; many end the connection within it.
                try? await Task.sleep(for: .milliseconds(50))
                try await socket.close()
                _ = await (ping, sent, read)
            }
            await server.stop()
        }
    }
}
