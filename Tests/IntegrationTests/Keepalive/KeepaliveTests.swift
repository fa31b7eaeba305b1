import TestSupport
import Testing
import WebSocketNovaTesting

@testable import WebSocketNova

extension Serial {
    @Suite("Keepalive", .timeLimit(.minutes(1)))
    struct KeepaliveTests {
        typealias Frame = ScriptedServer.Frame

        private static func configuration(interval: Int, timeout: Int) -> WebSocketConfiguration {
            .with { $0.keepalive = .init(interval: .milliseconds(interval), timeout: .milliseconds(timeout)) }
        }

        // MARK: A peer that is there

        @Test func `a silent peer is pinged again and again, and its answers are timed`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .echoFrames(4), .mark("four"), .pause(until: "checked"),
            ]
            try await withScript(script, Self.configuration(interval: 50, timeout: 10_000)) { socket, server in
                #expect(socket.latency == nil)
                let stopwatch = Stopwatch()
                try await server.reached("four")
                // Three whole periods; each is at least four fifths of the interval.
                #expect(stopwatch.elapsed >= .milliseconds(110))
                let pings = server.transcript.first.frames
                #expect(pings.allSatisfy { $0.opcode == .ping && $0.payload.count == 8 && $0.maskingKey != nil })
                #expect(Set(pings.map(\.payload)).count == 4)
                await eventually("the pongs have come") { socket.latency != nil }
                let latency = try #require(socket.latency)
                #expect(latency > .zero && latency < .seconds(10))
                #expect(try #require(socket.smoothedLatency) > .zero)
                #expect(socket.closeInfo == nil)
            }
        }

        @Test func `a pong that is late, but in time`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .delay(.milliseconds(400)), .echoFrames(1), .mark("answered"),
                .pause(until: "checked"),
            ]
            try await withScript(script, Self.configuration(interval: 100, timeout: 15_000)) { socket, server in
                try await server.reached("answered")
                await eventually("the pong has come") { socket.latency != nil }
                #expect(try #require(socket.latency) >= .milliseconds(250))
                #expect(socket.closeInfo == nil)
            }
        }

        @Test func `a peer that sends is not pinged`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .repeated(40, [.send(Frame.text("tick")), .delay(.milliseconds(25))]), .receiveFrame,
            ]
            try await withScript(script, Self.configuration(interval: 4_000, timeout: 4_000)) { socket, server in
                for _ in 0..<40 { #expect(try await socket.nextMessage() == .text("tick")) }
                // Without the ticks the ping would have been the first frame: the first one comes after 1.6 s at the earliest.
                try await socket.send("tock")
                #expect(try await server.finished().first.frames.map(\.text) == ["tock"])
            }
        }

        enum Sign: String, CaseIterable, Codable {
            case messages, bytesOfAMessage, otherPongs

            /// Something of the peer's each 50 ms for 2 s and more.
            var steps: [ScriptedServer.Step] {
                let bytes: [UInt8] =
                    switch self {
                    case .messages: (0..<20).flatMap { _ in Frame.text("").encoded }
                    case .bytesOfAMessage: Frame.text(String(repeating: "x", count: 38)).encoded
                    case .otherPongs: (0..<20).flatMap { _ in Frame(.pong).encoded }
                    }
                return [.send(bytes, inChunksOf: 1, interval: .milliseconds(50))]
            }
        }

        @Test(arguments: Sign.allCases)
        func `anything that comes is as good as the pong`(sign: Sign) async throws {
            let script =
                [.acceptUpgrade()] + sign.steps + [
                    .send(Frame.text("end")), .receiveFrame, .mark("end"), .pause(until: "checked"),
                ]
            try await withScript(script, Self.configuration(interval: 20, timeout: 1_000)) { socket, server in
                while let message = try await socket.nextMessage(), message != .text("end") {}
                try await server.reached("end")
                #expect(socket.closeInfo == nil)
                // Between two bytes there was time for pings; none was answered.
                #expect(server.transcript.first.frames.map(\.opcode) == [.ping])
                #expect(socket.latency == nil)
            }
        }

        @Test func `off is off`() async throws {
            let configuration = WebSocketConfiguration.with {
                $0.keepalive.interval = .milliseconds(20)
                $0.keepalive.isEnabled = false
            }
            let script: [ScriptedServer.Step] = [
                // That nothing comes can only be seen by waiting for a while.
                .acceptUpgrade(), .delay(.milliseconds(300)), .mark("quiet"), .receiveFrame,
            ]
            try await withScript(script, configuration) { socket, server in
                try await server.reached("quiet")
                try await socket.send("first")
                #expect(try await server.finished().first.frames.map(\.text) == ["first"])
            }
        }

        // MARK: A peer that is gone

        /// What is done with the connection meanwhile.
        enum Use: String, CaseIterable, Codable {
            case reading, nothing, writing, pinging
        }

        private static let deadScript: [ScriptedServer.Step] = [.acceptUpgrade(), .waitForEndOfStream]

        private func expectDeath(_ closed: WebSocketCloseInfo, _ words: String = "no pong within 0.3 seconds") {
            let expected = WebSocketCloseInfo(
                code: 1006,
                initiator: .transport,
                wasClean: false,
                cause: .timedOut,
                failure: words
            )
            #expect(closed == expected)
        }

        @Test(arguments: Use.allCases)
        func `a peer that never answers is left, whatever is done meanwhile`(use: Use) async throws {
            let stopwatch = Stopwatch()
            try await withScript(Self.deadScript, Self.configuration(interval: 100, timeout: 300)) { socket, server in
                switch use {
                case .reading:
                    let error = await socket.readToEnd().error as? WebSocketError
                    #expect(error?.code == .timedOut)
                    #expect(error?.deadline == WebSocketError.Deadline(.keepalive, limit: .milliseconds(300)))
                    #expect(error?.message == "no pong within 0.3 seconds (keepalive.timeout)")
                    #expect(error?.isRetryable == true)
                    self.expectDeath(try #require(error?.close))
                case .writing:
                    let error = await #expect(throws: WebSocketError.self) {
                        // What is written is taken; it is no sign of the peer's life.
                        while true {
                            try await socket.send("are you there?")
                            // As a user that sends now and then.
                            try await Task.sleep(for: .milliseconds(5))
                        }
                    }
                    #expect(error?.code == .connectionClosed)
                    self.expectDeath(try #require(error?.close))
                case .pinging:
                    let error = await #expect(throws: WebSocketError.self) { try await socket.ping() }
                    #expect(error?.code == .connectionClosed)
                    self.expectDeath(try #require(error?.close))
                case .nothing:
                    break
                }
                self.expectDeath(try await socket.ended())
                let duration = stopwatch.elapsed
                #expect(duration >= .milliseconds(340))
                #expect(stopwatch.elapsedInMotion < .seconds(8))
                #expect(try await server.finished().first.wasReset)
            }
        }

        @Test func `a peer that never answers is left by a handler's connection too`() async throws {
            try await withScriptedServer(Self.deadScript) { server in
                let socket = try await WebSocket.connect(
                    to: server.url,
                    configuration: Self.configuration(interval: 100, timeout: 300)
                ) { _, _, _ in }
                self.expectDeath(try await socket.ended())
            }
        }

        @Test func `a pong that comes too late`() async throws {
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .pause(until: "late"), .echoFrames(1)]
            try await withScript(script, Self.configuration(interval: 50, timeout: 300)) { socket, server in
                self.expectDeath(try await socket.ended())
                server.proceed("late")
            }
        }

        @Test func `a connection that closes is not pinged, and the close deadline ends it`() async throws {
            var configuration = Self.configuration(interval: 20, timeout: 100)
            configuration.deadlines.close = .milliseconds(500)
            try await withScript(Self.deadScript, configuration) { socket, server in
                let closed = try await socket.close()
                #expect(closed.failure == "the peer did not answer the Close frame within 0.5 seconds")
                #expect(closed.initiator == .local)
                let frames = ScriptedServer.Transcript.frames(in: try await server.finished().first.received)
                #expect(frames.last?.opcode == .close)
            }
        }

        // MARK: Pauses of this side's

        @Test func `while nobody reads the peer is not blamed; when somebody does, it is again`() async throws {
            let message = Frame.binary([UInt8](repeating: 1, count: 10_000)).encoded
            let count = 400
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .repeated(count, [.send(message)]), .waitForEndOfStream,
            ]
            var configuration = Self.configuration(interval: 20, timeout: 300)
            configuration.limits.inboundHighWaterMark = 20_000
            try await withScript(script, configuration) { socket, _ in
                #expect(try await socket.nextMessage() != nil)
                // More than twice what a peer is given: that nothing happens can only be seen by waiting.
                try await Task.sleep(for: .milliseconds(1_200))
                #expect(socket.closeInfo == nil)
                let (messages, error) = await socket.readToEnd()
                #expect(messages.count == count - 1)
                #expect((error as? WebSocketError)?.deadline?.kind == .keepalive)
            }
        }

        // MARK: Blocked writers

        @Test func `a peer that takes nothing and says nothing is left`() async throws {
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .stopReading]
            try await withScript(script, Self.configuration(interval: 300, timeout: 400)) { socket, _ in
                let error = await #expect(throws: WebSocketError.self) {
                    while true { try await socket.send([UInt8](repeating: 1, count: 200_000)) }
                }
                self.expectDeath(
                    try #require(error?.close),
                    "the peer took nothing, and sent nothing, for 0.4 seconds"
                )
            }
        }

        /// The ping waits behind megabytes, of this side's queue and kernel, for longer than the timeout.
        @Test func `a peer that is slow to take is not left`() async throws {
            let size = 200_000
            let count = 80
            // The header of a masked frame of that size has 14 bytes.
            let all = count * (size + 14)
            let piece = 64_000
            let pieces = 80
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .repeated(pieces, [.receive(piece), .delay(.milliseconds(30))]),
                .receive(all - pieces * piece), .send(Frame.text("done")), .waitForEndOfStream,
            ]
            try await withScript(script, Self.configuration(interval: 100, timeout: 700)) { socket, _ in
                for _ in 0..<count { try await socket.send([UInt8](repeating: 1, count: size)) }
                #expect(try await socket.nextMessage() == .text("done"))
            }
        }

        // MARK: Idle

        private static let idle = WebSocketConfiguration.with {
            $0.deadlines.idle = .milliseconds(400)
        }

        @Test func `a peer that sends pings and no messages is idle`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .repeated(40, [.send(Frame(.ping, [1, 2, 3])), .delay(.milliseconds(20))]),
                .send(Frame.close(1001)), .shutdownWrite, .waitForEndOfStream,
            ]
            try await withScript(script, Self.idle) { socket, server in
                let stopwatch = Stopwatch()
                let error = await socket.readToEnd().error as? WebSocketError
                #expect(stopwatch.elapsed >= .milliseconds(350))
                #expect(error?.code == .timedOut)
                #expect(error?.deadline == WebSocketError.Deadline(.idle, limit: .milliseconds(400)))
                #expect(error?.message == "no message within 0.4 seconds (deadlines.idle)")
                #expect(error?.close?.initiator == .local)
                let frames = ScriptedServer.Transcript.frames(in: try await server.finished().first.received)
                let close = try #require(frames.first { $0.opcode == .close })
                #expect(close.closeCode == 1001)
                #expect(close.payload.dropFirst(2).elementsEqual("no message within 0.4 seconds".utf8))
            }
        }

        @Test(arguments: [Sign.messages, .bytesOfAMessage])
        func `messages, and their parts, postpone the deadline`(sign: Sign) async throws {
            let script = [.acceptUpgrade()] + sign.steps + [.echoFrames(1)]
            var configuration = Self.idle
            configuration.deadlines.idle = .milliseconds(1_000)
            try await withScript(script, configuration) { socket, _ in
                let stopwatch = Stopwatch()
                let (messages, error) = await socket.readToEnd()
                #expect(stopwatch.elapsed >= .milliseconds(2_800))
                #expect(messages.count == (sign == .messages ? 20 : 1))
                #expect((error as? WebSocketError)?.deadline?.kind == .idle)
                let closed = try await socket.ended()
                #expect(closed.code == 1001)
                #expect(closed.wasClean)
            }
        }
    }
}
