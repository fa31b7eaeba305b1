import LWSTransport
import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Reads that wait for more to come", .timeLimit(.minutes(1)))
    struct ReadModerationTests {
        typealias Frame = ScriptedServer.Frame

        private static let delay = Duration.milliseconds(100)

        /// A loop on which it begins soon, however slowly messages come.
        private static func group(_ backend: EventLoopBackend, delay: Duration = delay) throws -> EventLoopGroup {
            var loop = EventLoop.Configuration()
            loop.backends = [backend]
            loop.readModeration = ReadModerationLimits(
                least: 256 << 10,
                within: .seconds(60),
                mark: 1 << 20,
                delay: delay
            )
            return try EventLoopGroup(loopCount: 1, configuration: loop)
        }

        /// What comes of it: the messages behind the flood are held back for the delay, and come when that has passed.
        @Test(arguments: EventLoopBackend.allCases)
        func `all that comes is delivered, the last of it after the delay`(backend: EventLoopBackend) async throws {
            let count = 3000
            let flood = (0..<count).flatMap { Frame(.binary, [UInt8](repeating: UInt8($0 % 251), count: 1024)).encoded }
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(flood), .pause(until: "last"), .send(Frame.text("last")), .receiveFrame,
                .send(Frame.close(1000)),
                .receiveFrame,
            ]
            let group = try Self.group(backend)
            let configuration = WebSocketConfiguration.with {
                $0.eventLoopGroup = group
                $0.keepalive.isEnabled = false
            }
            try await withScript(script, configuration) { socket, server in
                let begin = ContinuousClock.now
                for number in 0..<count {
                    guard case .binary(let bytes) = try await socket.nextMessage() else {
                        Issue.record("no binary message \(number)")
                        break
                    }
                    #expect(bytes.count == 1024 && bytes.first == UInt8(number % 251))
                }
                server.proceed("last")
                #expect(try await socket.nextMessage() == .text("last"))
                // It was waiting for another MiB, either at the end of the flood or before.
                #expect(ContinuousClock.now - begin >= Self.delay)
                try await socket.send("answer")
                let (messages, error) = await socket.readToEnd()
                #expect(messages.isEmpty && error == nil)
            }
            await group.shutDown()
        }

        @Test func `the end of the stream is told at once`() async throws {
            let flood = Frame(.binary, [UInt8](repeating: 1, count: 1024)).encoded
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send([UInt8](repeatElement(flood, count: 2500).joined())), .close,
            ]
            let group = try Self.group(.libev, delay: .seconds(20))
            try await withScript(script, .with { $0.eventLoopGroup = group }) { socket, _ in
                let begin = ContinuousClock.now
                let (messages, error) = await socket.readToEnd()
                #expect(messages.count == 2500)
                #expect((error as? WebSocketError)?.code == .transportFailed)
                #expect(ContinuousClock.now - begin < .seconds(10))
            }
            await group.shutDown()
        }
    }
}
