import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

/// What the server's side of a connection in memory can do to its client.
@Suite("A peer in memory", .timeLimit(.minutes(1)))
struct InMemoryPeerTests {
    private typealias Frame = InMemoryPeer.Frame

    // MARK: A slow peer

    /// The client lets the transport be silent for as long as a large payload is not there as a whole.
    @Test(arguments: [true, false])
    func `a peer that is slow to send a large message is neither idle nor gone`(isIdleLimited: Bool) async throws {
        try await withInMemoryNetwork { network in
            var configuration = WebSocketConfiguration.inMemory(network)
            configuration.deadlines.idle = isIdleLimited ? .seconds(10) : nil
            configuration.keepalive = isIdleLimited ? .off : .init(interval: .seconds(5), timeout: .seconds(5))
            let (socket, peer) = try await connect(network, configuration)
            peer.answersPings = false
            let payload = [UInt8](repeating: 1, count: 1 << 20)
            let wire = Frame(.binary, payload).encoded
            for start in stride(from: 0, to: wire.count, by: 100_000) {
                try await peer.send(raw: Array(wire[start..<min(wire.count, start + 100_000)]))
                await network.advance(by: .seconds(3))
                #expect(socket.closeInfo == nil, "after \(start) bytes")
            }
            #expect(try await socket.nextMessage() == .binary(payload))
            await network.advance(by: .seconds(20))
            // It is left all the same once it is silent.
            let end = try #require(socket.closeInfo)
            #expect(isIdleLimited ? end.code == .goingAway : end.failure == "no pong within 5.0 seconds")
        }
    }

    // MARK: Frames

    @Test func `fragments of the peer reach the client as one message, whatever stands between`() async throws {
        try await withInMemoryNetwork { network in
            let (socket, peer) = try await connect(network)
            try await peer.send("größer", inFragmentsOf: 3)
            try await peer.send([UInt8](0...9), inFragmentsOf: 4)
            try await peer.send("")
            try await peer.send(Frame(.text, Array("a".utf8), isFinal: false))
            try await peer.ping([1, 2])
            try await peer.send(raw: Frame(.continuation, Array("b".utf8)).encoded)
            #expect(try await socket.nextMessage() == .text("größer"))
            #expect(try await socket.nextMessage() == .binary([UInt8](0...9)))
            #expect(try await socket.nextMessage() == .text(""))
            #expect(try await socket.nextMessage() == .text("ab"))
            #expect(try await peer.receive() == .pong([1, 2]))
        }
    }

    @Test func `fragments of the client reach the peer as one message, or one by one`() async throws {
        try await withInMemoryNetwork { network in
            let (socket, peer) = try await connect(network)
            for _ in 0..<2 {
                let (parts, continuation) = AsyncStream<String>.makeStream()
                for part in ["ab", "c"] { continuation.yield(part) }
                continuation.finish()
                try await socket.send(text: parts)
            }
            #expect(try await peer.receive() == .text("abc"))
            let first = try #require(try await peer.receiveFrame())
            #expect(first.opcode == .text)
            #expect(!first.isFinal)
            #expect(first.payload == Array("ab".utf8))
            #expect(first.maskingKey?.count == 4)
        }
    }

    @Test func `pings and Close frames can be left to the script`() async throws {
        try await withInMemoryNetwork { network in
            let (socket, peer) = try await connect(network)
            peer.answersPings = false
            peer.answersClose = false
            async let roundTrip = socket.ping([9])
            #expect(try await peer.receive() == .ping([9]))
            await network.advance(by: .milliseconds(250))
            try await peer.pong([9])
            #expect(try await roundTrip == .milliseconds(250))
            async let closing = socket.close(code: 4_000, reason: "done")
            #expect(try await peer.receive() == .close(4_000, reason: "done"))
            try await peer.close(code: 4_000)
            await peer.end()
            #expect(try await closing.wasClean)
            #expect(try await peer.waitUntilClosed() != .clientReset)
        }
    }

    @Test func `a closing handshake of the peer's ends the stream by itself`() async throws {
        try await withInMemoryNetwork { network in
            let (socket, peer) = try await connect(network)
            try await peer.send("last")
            try await peer.close(code: .goingAway, reason: "restart")
            #expect(try await socket.nextMessage() == .text("last"))
            #expect(try await socket.nextMessage() == nil)
            #expect(try await peer.receive() == .close(.goingAway, reason: ""))
            #expect(try await peer.receive() == nil)
            let closed = try await socket.waitUntilClosed()
            #expect(closed.wasClean)
            #expect(closed.initiator == .peer)
            #expect(closed.reason == "restart")
            await #expect(throws: TestServerError.self) { try await peer.send("too late") }
        }
    }

    @Test func `a violation of the protocol is answered by the client`() async throws {
        try await withInMemoryNetwork { network in
            let (socket, peer) = try await connect(network)
            try await peer.send(Frame(.text, [0xFF]))
            await #expect(throws: WebSocketError.self) { try await socket.nextMessage() }
            guard case .close(.invalidFramePayloadData, _) = try await peer.receive() else {
                Issue.record("another Close frame, or none")
                return
            }
            #expect(try await socket.waitUntilClosed().cause == .protocolViolation)
        }
    }

    // MARK: Ends

    @Test(arguments: [false, true])
    func `a stream that ends inside a frame is told from one that is reset`(isReset: Bool) async throws {
        try await withInMemoryNetwork { network in
            let (socket, peer) = try await connect(network)
            try await peer.send("whole")
            try await peer.send(raw: Array(Frame.text("not whole").encoded.prefix(5)))
            if isReset { await peer.drop() } else { await peer.end() }
            // What came before is read all the same.
            #expect(try await socket.nextMessage() == .text("whole"))
            let error = await #expect(throws: WebSocketError.self) { try await socket.nextMessage() }
            #expect(error?.code == .transportFailed)
            #expect(try await socket.waitUntilClosed().cause == (isReset ? .reset : .truncatedFrame))
            #expect(try await peer.waitUntilClosed() == .peer)
        }
    }

    @Test func `the peer sees whether the client left in order`() async throws {
        try await withInMemoryNetwork { network in
            let (first, peer) = try await connect(network)
            try await first.send("before")
            first.abort()
            #expect(try await peer.waitUntilClosed() == .clientReset)
            #expect(try await peer.receive() == .text("before"))
            #expect(try await peer.receive() == nil)

            let (second, other) = try await connect(network)
            try await second.close()
            #expect(try await other.receive() == .close(.normalClosure, reason: ""))
            #expect(try await other.receive() == nil)
        }
    }

    @Test func `a peer that nobody holds answers pings and Close frames, and keeps nothing`() async throws {
        try await withInMemoryNetwork { network in
            let socket = try await connect(network).socket
            // More than the window of a peer that is held.
            for _ in 0..<40 { try await socket.send([UInt8](repeating: 1, count: 100_000)) }
            _ = try await socket.ping()
            #expect(try await socket.close().wasClean)
        }
    }

    @Test func `a connection that nobody holds closes itself, and its network goes`() async throws {
        weak var network: InMemoryNetwork?
        do {
            let made = try InMemoryNetwork()
            network = made
            let (socket, peer) = try await connect(made)
            try await peer.send("unread")
            try await socket.send("unread")
        }
        // Nothing tells of it: nobody is left to be told.
        await eventually("the network is gone") { network == nil }
    }

    // MARK: Waiting

    @Test func `a receive that is cancelled loses nothing`() async throws {
        try await withInMemoryNetwork { network in
            let (socket, peer) = try await connect(network)
            for number in 0..<50 {
                let receiving = Task { try await peer.receive() }
                if number % 2 == 0 { await network.settle() }
                receiving.cancel()
                try await socket.send("\(number)")
                var received = try? await receiving.value
                if received == nil { received = try await peer.receive() }
                #expect(received == .text("\(number)"))
            }
        }
    }

    // MARK: Back-pressure

    @Test("F87: a peer that stops reading holds the sender back until it reads again")
    func holdsBack() async throws {
        try await withInMemoryNetwork { network in
            let (socket, peer) = try await connect(network)
            await peer.stopReading()
            let sent = Locked(0)
            // On the loop, so that the network has settled when it waits.
            let sending = Task(executorPreference: network.taskExecutor) {
                for number in 0..<200 {
                    try await socket.send([UInt8](repeating: UInt8(number), count: 65_536))
                    sent.withLock { $0 += 1 }
                }
            }
            await network.settle()
            let before = sent.value
            #expect(before > 0)
            #expect(before < 200)
            await network.settle()
            #expect(sent.value == before)
            await peer.resumeReading()
            for number in 0..<200 {
                #expect(try await peer.receive() == .binary([UInt8](repeating: UInt8(number), count: 65_536)))
            }
            try await sending.value
        }
    }

    @Test func `a peer that does not receive holds the sender back at its window`() async throws {
        try await withInMemoryNetwork { network in
            var configuration = WebSocketConfiguration.inMemory(network)
            configuration.limits.outboundHighWaterMark = 1_000
            let (socket, peer) = try await connect(network, configuration)
            peer.receiveWindow = 10_000
            let sent = Locked(0)
            let sending = Task(executorPreference: network.taskExecutor) {
                for _ in 0..<1_000 {
                    try await socket.send([UInt8](repeating: 1, count: 500))
                    sent.withLock { $0 += 1 }
                }
            }
            await network.settle()
            #expect((20..<40).contains(sent.value), "\(sent.value)")
            // A message larger than the window gets through nevertheless.
            for _ in 0..<1_000 { #expect(try await peer.receive() == .binary([UInt8](repeating: 1, count: 500))) }
            try await sending.value
            try await socket.send([UInt8](repeating: 2, count: 50_000))
            #expect(try await peer.receive() == .binary([UInt8](repeating: 2, count: 50_000)))
        }
    }

    @Test func `a client that does not read leaves the rest with the peer`() async throws {
        try await withInMemoryNetwork { network in
            var configuration = WebSocketConfiguration.inMemory(network)
            configuration.limits.inboundHighWaterMark = 100_000
            configuration.limits.inboundReadAhead = 50_000
            let (socket, peer) = try await connect(network, configuration)
            for number in 0..<100 { try await peer.send([UInt8](repeating: UInt8(number), count: 10_000)) }
            await network.settle()
            let unread = await peer.unreadByteCount
            #expect((500_000..<1_000_000).contains(unread), "\(unread)")
            for number in 0..<100 {
                #expect(try await socket.nextMessage() == .binary([UInt8](repeating: UInt8(number), count: 10_000)))
            }
            #expect(await peer.unreadByteCount == 0)
        }
    }

    @Test func `a peer that hangs while the client closes meets the close deadline`() async throws {
        try await withInMemoryNetwork { network in
            let (socket, peer) = try await connect(network)
            await peer.stopReading()
            try await socket.send("kept by the client's host")
            // On the loop, so that the clock waits until it has begun.
            let closing = Task(executorPreference: network.taskExecutor) { try await socket.close() }
            await network.advance(by: .seconds(10))
            #expect(try await closing.value.cause == .timedOut)
            #expect(try await peer.waitUntilClosed() == .clientReset)
        }
    }
}
