import TestSupport
import Testing
import WebSocketNovaTesting

@testable import HostileServers
@testable import WebSocketNova

extension Serial {
    /// What a connection does while nobody reads its messages.
    @Suite("Reading ahead of a slow reader", .timeLimit(.minutes(1)))
    struct ReadAheadTests {
        typealias Frame = ScriptedServer.Frame

        /// As many messages of 10,000 bytes; the first four of them hold their number.
        private static func messages(_ count: Int) -> [UInt8] {
            (0..<count).flatMap { number in
                Frame.binary([UInt8(number >> 8), UInt8(number & 0xFF)] + [UInt8](repeating: 1, count: 9_998)).encoded
            }
        }

        private func readAll(_ socket: WebSocket) async -> (numbers: [Int], error: (any Error)?) {
            let (messages, error) = await socket.readToEnd()
            let numbers = messages.map { message in
                guard case .binary(let bytes) = message, bytes.count >= 2 else { return -1 }
                return Int(bytes[0]) << 8 | Int(bytes[1])
            }
            return (numbers, error)
        }

        private static func marks(_ high: Int, readAhead: Int) -> WebSocketConfiguration {
            .with {
                $0.limits.inboundHighWaterMark = high
                $0.limits.inboundReadAhead = readAhead
            }
        }

        @Test func `above the high mark pings are answered, and nothing is lost`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Self.messages(10)), .send(Frame(.ping, [1])), .receiveFrame,
                .send(Self.messages(10)), .send(Frame(.ping, [2])), .receiveFrame, .mark("answered"),
                .pause(until: "close"), .send(Frame.close(1000)), .receiveFrame,
            ]
            try await withScript(script, Self.marks(20_000, readAhead: 400_000)) { socket, server in
                try await server.reached("answered")
                // Far above the high mark; what was read together with the last ping may not be in the queue yet.
                #expect(socket.inbound?.heldBytes ?? 0 > 100_000)
                #expect(await !socket.connection.isReadingPaused)
                server.proceed("close")
                let (numbers, error) = await self.readAll(socket)
                #expect(numbers == Array(0..<10) + Array(0..<10))
                #expect(error == nil)
                #expect(try await server.finished().first.frames.map(\.payload.first) == [1, 2, 3])
            }
        }

        @Test func `above the high mark a Close frame is answered, though nobody reads`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Self.messages(10)), .send(Frame.close(4001)), .receiveFrame,
            ]
            try await withScript(script, Self.marks(20_000, readAhead: 400_000)) { socket, server in
                let closed = try await socket.waitUntilClosed()
                #expect(closed.wasClean && closed.code == 4001 && closed.initiator == .peer)
                #expect(try await server.finished().first.frames.map(\.closeCode) == [4001])
                #expect(await self.readAll(socket).numbers == Array(0..<10))
            }
        }

        @Test(arguments: [false, true])
        func `above the high mark the end of the stream is noticed, though nobody reads`(isReset: Bool) async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Self.messages(10)), .pause(until: "end"), isReset ? .reset : .close,
            ]
            try await withScript(script, Self.marks(20_000, readAhead: 400_000)) { socket, server in
                await eventually("all is there") { socket.inbound?.heldBytes ?? 0 > 100_000 }
                server.proceed("end")
                let closed = try await socket.waitUntilClosed()
                #expect(closed.cause == (isReset ? .reset : .endOfStream))
                let (numbers, error) = await self.readAll(socket)
                #expect(numbers == Array(0..<10))
                #expect((error as? WebSocketError)?.code == .transportFailed)
            }
        }

        @Test func `when the read-ahead is used up the socket is not read, and a reset is noticed all the same`()
            async throws
        {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Self.messages(20)), .pause(until: "reset"), .reset,
            ]
            var configuration = Self.marks(20_000, readAhead: 20_000)
            configuration.deadlines.close = .milliseconds(200)
            try await withScript(script, configuration) { socket, server in
                // Nothing tells that reading has stopped.
                for _ in 0..<5_000 where await !socket.connection.isReadingPaused {
                    try await Task.sleep(for: .milliseconds(1))
                }
                #expect(await socket.connection.isReadingPaused)
                server.proceed("reset")
                let stopwatch = Stopwatch()
                let closed = try await socket.waitUntilClosed()
                #expect(stopwatch.elapsedInMotion < .seconds(5))
                #expect(closed.cause == .reset)
                #expect(closed.initiator == .transport)
                // What had been read can be.
                let (numbers, error) = await self.readAll(socket)
                #expect(numbers.count >= 3 && numbers == Array(0..<numbers.count))
                #expect((error as? WebSocketError)?.code == .transportFailed)
            }
        }

        /// The kernel keeps what came before a reset.
        @Test func `a reader that is only slow gets all that came before a reset`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Self.messages(5)), .pause(until: "reset"), .reset,
            ]
            try await withScript(script, Self.marks(10_000, readAhead: 0)) { socket, server in
                var iterator = socket.messages.makeAsyncIterator()
                #expect(try await iterator.next() != nil)
                server.proceed("reset")
                _ = try await server.finished()
                let (numbers, error) = await self.readAll(socket)
                #expect(numbers == Array(1..<5))
                #expect((error as? WebSocketError)?.close?.cause == .reset)
            }
        }

        /// What is held while nobody reads: the two marks, what one turn of the loop brings, and a message.
        private func expectBound(
            _ socket: WebSocket,
            atMost bound: Int,
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            // Nothing tells that reading has stopped.
            for _ in 0..<10_000 where await !socket.connection.isReadingPaused {
                try await Task.sleep(for: .milliseconds(1))
            }
            #expect(await socket.connection.isReadingPaused, sourceLocation: sourceLocation)
            let held = try #require(socket.inbound).heldBytes
            #expect(held <= bound, sourceLocation: sourceLocation)
        }

        private static let stated = (1 << 20) + (256 << 10) + (512 << 10) + (1 << 20)

        @Test(arguments: [10, 1_000, 100_000])
        func `what is held of a flood is bounded as the documentation says`(size: Int) async throws {
            let some = [UInt8](
                (0..<max(1, 100_000 / size)).flatMap { _ in Frame.binary([UInt8](repeating: 1, count: size)).encoded }
            )
            try await withScript([.acceptUpgrade(), .flood(some, atMost: 64 << 20)]) { socket, _ in
                try await self.expectBound(socket, atMost: Self.stated)
            }
        }

        /// Each is a message of a mebibyte in a kibibyte: a read of the socket holds more than a hundred of them.
        @Test func `a flood of messages that are small only on the wire is bounded alike`() async throws {
            let message = Frame(.binary, HostileServer.zeros(1 << 20), reservedBits: 4).encoded
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(extensions: "permessage-deflate; server_no_context_takeover"),
                .send([UInt8]((0..<100).flatMap { _ in message })), .receiveFrame,
            ]
            let configuration = WebSocketConfiguration.with { $0.compression = .defaults }
            try await withScript(script, configuration) { socket, _ in
                try await self.expectBound(socket, atMost: Self.stated)
                var iterator = socket.messages.makeAsyncIterator()
                for number in 0..<100 {
                    guard case .binary(let bytes) = try await iterator.next() else {
                        Issue.record("no message \(number)")
                        return
                    }
                    #expect(bytes.count > 1 << 19 && bytes.count <= 1 << 20)
                }
            }
        }

        /// They have no bytes; each counts for 32.
        @Test func `empty messages without end are held back by their number`() async throws {
            let some = [UInt8]((0..<50_000).flatMap { _ in Frame.binary([]).encoded })
            try await withScript([.acceptUpgrade(), .flood(some, atMost: 16 << 20)]) { socket, _ in
                // A read of 128 KiB brings 65,536 of them.
                try await self.expectBound(socket, atMost: (16_384 + 8_192 + 65_536) * 32)
                for _ in 0..<100_000 { #expect(try await socket.nextMessage() == .binary([])) }
            }
        }
    }
}
