import TestSupport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@testable import WebSocketNova

/// Each decision, from each callback that may return it.
@Suite("Decisions of handlers", .timeLimit(.minutes(1)))
struct HandlerDecisionTests {
    /// A callback, and what makes it be called.
    enum Place: String, CaseIterable, CustomTestStringConvertible {
        case connect = "handleConnect"
        case text = "handleFrame.text"
        case binary = "handleFrame.binary"
        case ping = "handleFrame.ping"
        case pong = "handleFrame.pong"
        case message = "handleMessage"
        case custom = "a handler of binary frames"
        case disconnect = "handleDisconnect"
        case timeout = "handleTimeout"

        var testDescription: String { self.rawValue }
        /// Whether there is a connection when it is called, on which something can be sent.
        var hasConnection: Bool { self != .disconnect && self != .timeout }

        static let connected = Self.allCases.filter(\.hasConnection)
        static let lost = Self.allCases.filter { !$0.hasConnection }
    }

    /// A client whose handlers return the decision in one place, with its first peer, when that has been brought about.
    private func provoke(
        _ place: Place,
        _ decision: HandlerDecision,
        in network: InMemoryNetwork,
        body: (WebSocketClient, InMemoryPeer, inout EventReader) async throws -> Void
    ) async throws {
        var puppet = Puppet()
        puppet.wantsFrames = true
        puppet.wantsMessages = place == .message
        if place != .custom { puppet.decisions[place.rawValue] = decision }
        let configuration = ClientConfiguration.inMemory(network) { configuration in
            configuration.handlers.install(puppet)
            if place == .timeout { configuration.webSocket.deadlines.idle = .seconds(10) }
        }
        let client = try WebSocketClient(configuration)
        if place == .custom { await client.setFrameHandler(for: .binary) { _, _ in decision } }
        var events = EventReader(client)
        let connecting = await network.start { try await client.connect() }
        let peer = try await network.nextPeer()
        try await peer.accept()
        // A decision of `handleConnect` may keep it from succeeding.
        if place != .connect { try await connecting.value }
        switch place {
        case .connect: break
        case .text, .message: try await peer.send("{}")
        case .binary, .custom: try await peer.send([1])
        case .ping: try await peer.ping()
        case .pong: try await peer.pong()
        case .disconnect: await peer.drop()
        case .timeout: await network.advance(by: .seconds(10))
        }
        await network.settle()
        try await body(client, peer, &events)
        try await client.close()
    }

    @Test("F61: ok goes on", arguments: Place.connected)
    func ok(place: Place) async throws {
        try await withInMemoryNetwork { network in
            try await self.provoke(place, .ok, in: network) { client, peer, _ in
                if place == .ping { #expect(try await peer.receive() == .pong([])) }
                try await peer.expectNothing(but: "mark", from: client)
                #expect(client.status == .websocketConnected)
            }
        }
    }

    @Test("F61: reply is sent, once, on the stream concerned", arguments: Place.connected)
    func reply(place: Place) async throws {
        try await withInMemoryNetwork { network in
            try await self.provoke(place, .reply(.text("reply")), in: network) { client, peer, _ in
                #expect(try await peer.receive() == .text("reply"))
                // The connection's own answer comes behind the handler's.
                if place == .ping { #expect(try await peer.receive() == .pong([])) }
                try await peer.expectNothing(but: "mark", from: client)
            }
        }
    }

    @Test("F61, F65: replyMany sends all, in order, of every kind", arguments: Place.connected)
    func replyMany(place: Place) async throws {
        try await withInMemoryNetwork { network in
            let frames: [WebSocketFrame] = [.text("1"), .binary([2]), .pong([3]), .text("4")]
            try await self.provoke(place, .replyMany(frames), in: network) { client, peer, _ in
                for expected: InMemoryPeer.Message in [.text("1"), .binary([2]), .pong([3]), .text("4")] {
                    #expect(try await peer.receive() == expected)
                }
                if place == .ping { #expect(try await peer.receive() == .pong([])) }
                try await peer.expectNothing(but: "mark", from: client)
            }
        }
    }

    @Test(
        "F54, F55, F61: close closes with its code and reason, and nothing is reconnected",
        arguments: Place.connected
    )
    func close(place: Place) async throws {
        try await withInMemoryNetwork { network in
            let code: WebSocketCloseCode = 4001
            try await self.provoke(place, .close(code, reason: "enough"), in: network) { client, peer, events in
                if place == .ping { #expect(try await peer.receive() == .pong([])) }
                #expect(try await peer.receive() == .close(code, reason: "enough"))
                let end = try await events.end()
                #expect(end == .local)
                #expect(client.status == .closed)
                await network.advance(by: .seconds(3600))
                #expect(await network.openingCount == 1)
            }
        }
    }

    @Test("F20, F61: stop ends the client with its reason", arguments: Place.allCases)
    func stop(place: Place) async throws {
        try await withInMemoryNetwork { network in
            try await self.provoke(place, .stop(reason: "enough"), in: network) { client, peer, events in
                let error = try await events.failure()
                #expect(error.code == .stoppedByHandler && error.message == "enough")
                #expect(await code { try await client.connect() } == .stoppedByHandler)
                #expect(await code { try await client.send("late") } == .stoppedByHandler)
                #expect(try await client.close() == .failed(error))
                await network.advance(by: .seconds(3600))
                #expect(await network.openingCount == 1)
                #expect(await network.connectionCount == 0)
                // Whatever ends a connection, its handler is told of that once.
                let puppet = try #require(await client.state.handlers.adapter(as: Puppet.self))
                #expect(puppet.counts["handleDisconnect"] == 1)
            }
        }
    }

    @Test(
        "F61: reconnect gives up the connection and has another one by policy, or after its own time",
        arguments: Place.allCases,
        [nil, Duration.seconds(7)]
    )
    func reconnect(place: Place, after delay: Duration?) async throws {
        try await withInMemoryNetwork { network in
            try await self.provoke(place, .reconnect(after: delay), in: network) { client, peer, events in
                #expect(try await events.delay() == delay ?? .seconds(1))
                #expect(await network.connectionCount == 0)
                let second = try await network.reconnected(after: delay ?? .seconds(1))
                #expect(await network.openingCount == 2)
                try await second.expectNothing(but: "mark", from: client)
                let puppet = try #require(await client.state.handlers.adapter(as: Puppet.self))
                #expect(puppet.counts["handleDisconnect"] == 1 && puppet.counts["handleConnect"] == 2)
                // A delay of one's own leaves the policy unasked.
                #expect(puppet.counts["reconnectionDelay"] == (delay == nil ? 1 : nil))
            }
        }
    }

    @Test(
        "F61: a lost connection is left to the policy by ok, and also by a reply, which is an error",
        arguments: Place.lost
    )
    func leavesToPolicy(place: Place) async throws {
        try await withInMemoryNetwork { network in
            for decision in [HandlerDecision.ok, .reply(.text("x")), .replyMany([.text("x")])] {
                try await self.provoke(place, decision, in: network) { client, _, events in
                    let delay = try await events.delay()
                    #expect(delay == .seconds(1))
                    let codes = events.seen.compactMap { if case .error(_, let error) = $0 { error.code } else { nil } }
                    #expect(codes.contains(.notConnected) == (decision != .ok))
                }
            }
        }
    }

    @Test("F61: close ends a client whose connection is lost", arguments: Place.lost)
    func closeLost(place: Place) async throws {
        try await withInMemoryNetwork { network in
            try await self.provoke(place, .close(), in: network) { client, _, events in
                let end = try await events.end()
                #expect(end == .local)
                await network.advance(by: .seconds(3600))
                #expect(await network.openingCount == 1 && client.status == .closed)
            }
        }
    }

    @Test("F61: what the error handler decides of an error is done")
    func errorDecisions() async throws {
        for decision: ErrorDecision in [.ok, .retry(after: .seconds(7)), .stop(reason: "enough")] {
            try await withInMemoryNetwork { network in
                var puppet = Puppet()
                puppet.wantsMessages = true
                puppet.failing = ["handleMessage"]
                puppet.errorDecision = decision
                let (client, peer) = try await network.client { $0.handlers.install(puppet) }
                var events = EventReader(client)
                try await peer.send("{}")
                #expect(try await events.error().code == .handlerFailed)
                switch decision {
                case .ok:
                    try await peer.expectNothing(but: "mark", from: client)
                case .retry(let delay):
                    #expect(try await events.delay() == delay)
                    _ = try await network.reconnected(after: delay)
                case .stop(let reason):
                    let error = try await events.failure()
                    #expect(error.code == .stoppedByHandler && error.message == reason)
                    #expect((error.underlying as? WebSocketError)?.code == .handlerFailed)
                }
                try await client.close()
            }
        }
    }

    @Test("F61: a policy of never counts before what handlers want", arguments: [nil, Duration.seconds(7)])
    func never(after delay: Duration?) async throws {
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.wantsFrames = true
            puppet.decisions["handleFrame.text"] = .reconnect(after: delay)
            let (client, peer) = try await network.client { configuration in
                configuration.handlers.install(puppet)
                configuration.reconnection = .never
            }
            var events = EventReader(client)
            try await peer.send("x")
            _ = try await events.failure()
            await network.advance(by: .seconds(3600))
            #expect(await network.openingCount == 1)
        }
    }

    @Test(
        "F61: what a handler ends in the middle of a read is not followed by what came behind it",
        arguments: [true, false]
    )
    func endsInTheMiddle(stops: Bool) async throws {
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.wantsFrames = true
            puppet.wantsMessages = true
            puppet.decisions["handleFrame.text"] = stops ? .stop(reason: "enough") : .reconnect(after: .seconds(1))
            let (client, peer) = try await network.client { $0.handlers.install(puppet) }
            var events = EventReader(client, withFrames: true)
            // Both in one read.
            let frames = [InMemoryPeer.Frame(.text, Array("1".utf8)), InMemoryPeer.Frame(.text, Array("2".utf8))]
            try await peer.send(raw: frames.flatMap(\.encoded))
            await network.settle()
            let journal = puppet.journal.value
            #expect(journal.count("handleFrame.text") == 1 && journal.count("handleMessage") == 0)
            try await client.close()
            _ = try await events.end()
            #expect(events.seen.count { if case .frame(_, .text) = $0 { true } else { false } } == 1)
        }
    }
}
