import TestSupport
import Testing
import WebSocketNovaTesting

@testable import WebSocketNova

extension Serial {
    @Suite("Pings that are asked for", .timeLimit(.minutes(1)))
    struct PingTests {
        typealias Frame = ScriptedServer.Frame

        @Test(arguments: [0, 1, 125])
        func `F57, F80 a ping carries its payload`(size: Int) async throws {
            let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 * 3) }
            try await withScript([.acceptUpgrade(), .echoFrames(1)]) { socket, server in
                let time = try await socket.ping(payload)
                #expect(time > .zero)
                #expect(socket.latency == time)
                #expect(socket.smoothedLatency == time)
                let frames = try await server.finished().first.frames
                #expect(frames.map(\.opcode) == [.ping])
                #expect(frames.first?.payload == payload)
            }
        }

        @Test func `F57 a payload that is too long is refused`() async throws {
            try await withScript([.acceptUpgrade(), .echoFrames(1)]) { socket, server in
                let long = [UInt8](repeating: 0, count: 126)
                let error = await #expect(throws: WebSocketError.self) { try await socket.ping(long) }
                #expect(error?.code == .controlFrameTooLarge)
                #expect(error?.message.contains("126") == true)
                #expect(#expect(throws: WebSocketError.self) { try socket.pong(long) }?.code == .controlFrameTooLarge)
                // Nothing of them was sent.
                try await socket.ping([7])
                #expect(try await server.finished().first.frames.map(\.payload) == [[7]])
            }
        }

        @Test func `pings with one payload are answered in order`() async throws {
            let pong = Frame(.pong, [5])
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .receiveFrames(3), .send(pong), .pause(until: "second"), .send(pong),
                .pause(until: "third"), .send(pong), .waitForEndOfStream,
            ]
            try await withScript(script) { socket, server in
                let answered = Locked(0)
                let tasks = (0..<3).map { _ in
                    Task {
                        try await socket.ping([5])
                        answered.withLock { $0 += 1 }
                    }
                }
                await eventually("the first is answered") { answered.value == 1 }
                server.proceed("second")
                await eventually("the second is answered") { answered.value == 2 }
                server.proceed("third")
                for task in tasks { try await task.value }
            }
        }

        @Test func `pongs that answer no ping are ignored`() async throws {
            let pongs = Frame(.pong).encoded + Frame(.pong, [1, 2, 3]).encoded + Frame(.pong, [9]).encoded
            try await withScript([.acceptUpgrade(), .send(pongs), .receiveFrame, .send(pongs), .close]) { socket, _ in
                let error = await #expect(throws: WebSocketError.self) { try await socket.ping() }
                #expect(error?.code == .connectionClosed)
                #expect(socket.latency == nil)
            }
        }

        @Test func `more pings than the limit are refused, not queued`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .receiveFrames(2), .mark("two"), .pause(until: "refused"), .send(Frame(.pong, [2])),
                .echoFrames(1),
            ]
            try await withScript(script, .with { $0.limits.pendingPings = 2 }) { socket, server in
                let first = Task { try await socket.ping([1]) }
                await eventually("the first is on its way") { server.transcript.first.frames.count == 1 }
                let second = Task { try await socket.ping([2]) }
                try await server.reached("two")
                let error = await #expect(throws: WebSocketError.self) { try await socket.ping([3]) }
                #expect(error?.code == .tooManyPings)
                #expect(error?.message.contains("limits.pendingPings") == true)
                server.proceed("refused")
                _ = try await (first.value, second.value)
                try await socket.ping([4])
                #expect(try await server.finished().first.frames.map(\.payload) == [[1], [2], [4]])
            }
        }

        /// Sends until the peer, which does not read, and the queue take no more.
        private func block(_ socket: WebSocket) async -> Task<Void, any Error> {
            let sender = Task {
                for _ in 0..<40 { try await socket.send([UInt8](repeating: 1, count: 200_000)) }
            }
            var written: UInt64 = 0
            while await socket.connection.bytesWritten > written || socket.outbound.waiterCount == 0 {
                written = await socket.connection.bytesWritten
                // Nothing tells that the kernel takes no more: for a while it has taken nothing.
                try? await Task.sleep(for: .milliseconds(100))
                guard socket.closeInfo == nil, !Task.isCancelled else { break }
            }
            return sender
        }

        private func waitForPings(_ count: Int, of socket: WebSocket) async {
            while await socket.connection.pings.count < count, socket.closeInfo == nil { await Task.yield() }
        }

        /// Each would otherwise leave a frame in a queue that nobody empties.
        @Test func `pings that are given up count until they are written`() async throws {
            let configuration = WebSocketConfiguration.with { $0.limits.pendingPings = 4 }
            try await withScript([.acceptUpgrade(), .stopReading], configuration) { socket, _ in
                let sender = await self.block(socket)
                for number in 1...4 {
                    let ping = Task { try await socket.ping() }
                    await self.waitForPings(number, of: socket)
                    ping.cancel()
                    await #expect(throws: CancellationError.self) { try await ping.value }
                }
                let error = await #expect(throws: WebSocketError.self) { try await socket.ping() }
                #expect(error?.code == .tooManyPings)
                socket.abort()
                _ = await sender.result
            }
        }

        @Test func `the time of a ping does not count its wait for the writer`() async throws {
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .pause(until: "read"), .echoFrames(41)]
            try await withScript(script) { socket, server in
                let sender = await self.block(socket)
                let stopwatch = Stopwatch()
                let ping = Task { try await socket.ping() }
                await self.waitForPings(1, of: socket)
                // The time that must not count.
                try await Task.sleep(for: .milliseconds(600))
                server.proceed("read")
                for _ in 0..<40 { #expect(try await socket.nextMessage() != nil) }
                let time = try await ping.value
                #expect(time < stopwatch.elapsed - .milliseconds(590))
                try await sender.value
            }
        }

        @Test func `a pong that nobody has asked for`() async throws {
            try await withScript([.acceptUpgrade(), .receiveFrames(2)]) { socket, server in
                try socket.pong()
                try socket.pong([1, 2])
                let frames = try await server.finished().first.frames
                #expect(frames.map(\.opcode) == [.pong, .pong])
                #expect(frames.map(\.payload) == [[], [1, 2]])
                _ = try await socket.ended()
                let error = #expect(throws: WebSocketError.self) { try socket.pong() }
                #expect(error?.code == .connectionClosed)
            }
        }
    }
}
