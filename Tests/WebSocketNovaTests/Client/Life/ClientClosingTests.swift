import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

/// Where a client can be.
enum ClientPhase: CaseIterable, Sendable {
    case initialized, resolving, upgrading, restoring, open, openingFurther, peerClosing, reconnecting
    case connectingAgain, closing

    /// A client that has come this far, with a peer that it has, or had.
    func reach(
        _ network: InMemoryNetwork,
        _ log: EventLog?
    ) async throws -> (client: WebSocketClient, connecting: Task<Void, any Error>?, peer: InMemoryPeer?) {
        var configuration = ClientConfiguration.life(network, log)
        configuration.webSocket.deadlines.open = .seconds(3600)
        if self == .restoring {
            configuration.handlers.auth = StagedAuthHandler()
            configuration.authenticatesOnConnect = true
        }
        let client = try WebSocketClient(configuration)
        if self == .initialized { return (client, nil, nil) }
        if self == .resolving { network.delayOpenings(by: .seconds(60), in: .resolve) }
        let engineHolder = client
        let connecting = network.task { try await engineHolder.connect() }
        await network.settle()
        if self == .resolving { return (client, connecting, nil) }
        let peer = try await network.nextPeer()
        if self == .upgrading { return (client, connecting, peer) }
        try await peer.accept()
        await network.settle()
        if self == .restoring { return (client, connecting, peer) }
        try await connecting.value
        switch self {
        case .openingFurther:
            let further = network.task { _ = try await client.upgrade(path: "/more") }
            await network.settle()
            return (client, further, peer)
        case .peerClosing:
            peer.answersClose = false
            try await peer.close(code: .goingAway)
            await network.settle()
        case .reconnecting, .connectingAgain:
            await peer.drop()
            await network.settle()
            if self == .connectingAgain {
                network.delayOpenings(by: .seconds(60))
                await network.advance(by: .seconds(1))
            }
        case .closing:
            peer.answersClose = false
            let closing = network.task { _ = try await client.close() }
            await network.settle()
            return (client, closing, peer)
        default:
            break
        }
        return (client, nil, peer)
    }
}

@Suite("The local close of a client", .timeLimit(.minutes(1)))
struct ClientClosingTests {
    @Test("F34, F54: a local close in each phase wins, is final, and leaves no timer", arguments: ClientPhase.allCases)
    func close(in phase: ClientPhase) async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let (client, waiting, peer) = try await phase.reach(network, log)
            defer { withExtendedLifetime(peer) {} }
            let events = client.events
            let closing = network.task { try await client.close(code: .goingAway, reason: "bye") }
            // A peer that does not answer may take the close deadline.
            await network.advance(by: .seconds(10))
            #expect(try await closing.value == .local)
            #expect(client.status == .closed)
            #expect(log.words.last == "ended" && log.count(of: "ended") == 1)
            #expect(log.count(of: "error") == (phase == .reconnecting || phase == .connectingAgain ? 1 : 0))
            if let waiting {
                let code = await waiting.errorCode
                #expect(code == (phase == .closing ? nil : .connectionClosed), "\(phase)")
            }
            let openings = await network.openingCount
            #expect(await network.remainingTimers() == 0)
            #expect(await network.openingCount == openings)
            #expect(await network.connectionCount == 0)
            #expect(WebSocketClient.find(client.id) == nil)
            // The sequence of events, made late, ends too, and so does one that is made now.
            var rest: [String] = []
            for await event in events { rest.append(event.words) }
            #expect(rest.last == "ended" || phase == .closing)
            for await event in client.events { Issue.record("\(event)") }
        }
    }

    @Test("F34: after the end everything is refused or answered, and nothing hangs", arguments: ClientPhase.allCases)
    func afterwards(in phase: ClientPhase) async throws {
        try await withInMemoryNetwork { network in
            let (client, _, peer) = try await phase.reach(network, nil)
            defer { withExtendedLifetime(peer) {} }
            let stream = client.stream
            let closing = network.task { try await client.close() }
            await network.advance(by: .seconds(10))
            _ = try await closing.value
            #expect(try await client.close() == .local)
            #expect(try await client.waitUntilEnded() == .local)
            func code(_ body: @escaping @Sendable () async throws -> Void) async -> WebSocketError.Code? {
                await network.task(body).errorCode
            }
            #expect(await code { try await client.connect() } == .connectionClosed)
            #expect(await code { try await client.send("x") } == .connectionClosed)
            #expect(await code { try await client.send(.text("x"), on: stream) } == .notConnected)
            #expect(await code { try await client.send(.ping()) } == .notConnected)
            #expect(await code { try await client.ping() } == .notConnected)
            #expect(await code { _ = try await client.upgrade(path: "/x") } == .connectionClosed)
            #expect(await code { try await client.authenticate() } == .connectionClosed)
            #expect(await code { _ = try await client.subscribe(to: "x") } == .connectionClosed)
            #expect(
                await code { _ = try await client.request(.json(["id": 1]), correlatedBy: \.id) } == .connectionClosed
            )
            for try await message in client.messages { Issue.record("\(message)") }
            #expect(await client.state.activeStreams.isEmpty)
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("F54: two closes at the same time send one Close frame, the first one's, and both return")
    func twice() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let (client, peer) = try await network.client(.life(network, log))
            let first = network.task { try await client.close(code: .goingAway, reason: "first") }
            let second = network.task { try await client.close(code: .normalClosure, reason: "second") }
            #expect(try await first.value == .local)
            #expect(try await second.value == .local)
            #expect(try await peer.receive() == .close(.goingAway, reason: "first"))
            #expect(try await peer.receive() == nil)
            #expect(log.count(of: "ended") == 1 && log.count(of: "down") == 1)
        }
    }

    @Test("F54: a close that comes with the loss, before or after it, is not followed by an attempt", arguments: 0..<6)
    func closeAndLoss(order: Int) async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client(.life(network))
            var tasks: [Task<Void, any Error>] = []
            if order % 2 == 0 { tasks.append(network.task { _ = try await client.close() }) }
            switch order / 2 {
            case 0: await peer.drop()
            case 1: try await peer.close(code: .serviceRestart)
            default: await peer.end()
            }
            if order % 2 == 1 { tasks.append(network.task { _ = try await client.close() }) }
            await network.advance(by: .seconds(60))
            for task in tasks { try await task.value }
            #expect(client.status == .closed)
            #expect(await network.openingCount == 1)
        }
    }

    @Test("Cancelling a close cuts the wait short, not the closing")
    func cancelledClose() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client(.life(network))
            peer.answersClose = false
            let closing = network.task { try await client.close() }
            await network.settle()
            closing.cancel()
            await #expect(throws: CancellationError.self) { try await closing.value }
            await network.advance(by: .seconds(10))
            #expect(client.status == .closed)
            #expect(try await client.waitUntilEnded() == .local)
        }
    }

    @Test(
        "A connect that is cancelled, in each phase, ends the client",
        arguments: [ClientPhase.resolving, .upgrading, .restoring]
    )
    func cancelledConnect(in phase: ClientPhase) async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let (client, connecting, peer) = try await phase.reach(network, log)
            connecting?.cancel()
            await #expect(throws: CancellationError.self) { try await connecting?.value }
            await network.settle()
            #expect(client.status.isTerminal)
            #expect(log.words.last == "ended" && log.count(of: "ended") == 1)
            if let peer { #expect(try await peer.waitUntilClosed() != .network) }
            #expect(await network.remainingTimers() == 0)
            #expect(await network.connectionCount == 0)
        }
    }

    @Test("A connect whose task was cancelled before ends the client, and one of a client that waits to try again too")
    func cancelledEarlyAndLate() async throws {
        try await withInMemoryNetwork { network in
            let client = try WebSocketClient(.life(network))
            let connecting = network.task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await client.connect()
            }
            await #expect(throws: CancellationError.self) { try await connecting.value }
            await network.settle()
            #expect(client.status.isTerminal)

            var configuration = ClientConfiguration.life(network)
            configuration.reconnection = .always
            network.refuseConnections()
            let patient = try WebSocketClient(configuration)
            let waiting = network.task { try await patient.connect() }
            await network.settle()
            #expect(patient.status == .reconnecting)
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            await network.settle()
            #expect(patient.status.isTerminal)
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("A client is connected once: a second time is refused by name, and told to listeners")
    func connectTwice() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let (client, _) = try await network.client(.life(network, log))
            let again = network.task { try await client.connect() }
            #expect(await again.errorCode == .invalidTransition)
            #expect(log.words.last == "illegal websocket_connected connecting")
            #expect(client.status == .websocketConnected)
            try await client.close()
        }
    }

    @Test("F55: the user's code and reason are on the wire, and the peer's answer is awaited, but not for ever")
    func onTheWire() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client(.life(network))
            peer.answersClose = false
            try await client.send("last words")
            let closing = network.task {
                try await client.close(code: WebSocketCloseCode(rawValue: 4001), reason: "enough")
            }
            #expect(try await peer.receive() == .text("last words"))
            #expect(try await peer.receive() == .close(WebSocketCloseCode(rawValue: 4001), reason: "enough"))
            await network.advance(by: .milliseconds(9_999))
            #expect(client.status == .websocketConnected)
            await network.advance(by: .milliseconds(1))
            #expect(try await closing.value == .local)
            await #expect(throws: WebSocketError.self) {
                try await client.close(code: WebSocketCloseCode(rawValue: 1006))
            }
        }
    }

    @Test("A client that is dropped, in each phase, closes itself and leaves nothing")
    func dropped() async {
        await #expect(processExitsWith: .success) {
            for phase in ClientPhase.allCases {
                let network = try InMemoryNetwork()
                do {
                    let peer: InMemoryPeer?
                    let id: ConnectionID
                    do {
                        let reached = try await phase.reach(network, EventLog())
                        peer = reached.peer
                        id = reached.client.id
                        // Those who wait hold the client.
                        reached.connecting?.cancel()
                    }
                    await network.advance(by: .seconds(10))
                    #expect(WebSocketClient.find(id) == nil, "\(phase)")
                    if phase == .open { #expect(try await peer?.receive() == .close(.goingAway, reason: "")) }
                }
                await eventually("the client is gone") {
                    LiveObjects.count(of: .client) == 0 && LiveObjects.count(of: .clientEngine) == 0
                }
                let timers = await network.remainingTimers()
                #expect(timers == 0, "\(phase)")
                // It has peers that nobody has asked for.
                await network.shutDown()
                await eventually("no object is left") { LiveObjects.all.isEmpty }
                #expect(LiveObjects.all.isEmpty, "\(phase): \(LiveObjects.all)")
            }
        }
    }

    @Test("A client that a listener holds is gone once it has ended")
    func heldByListener() async {
        await #expect(processExitsWith: .success) {
            try await withInMemoryNetwork { network in
                do {
                    let place = Locked<WebSocketClient?>(nil)
                    var configuration = ClientConfiguration.life(network)
                    configuration.listeners = [EventListener { _ in _ = place.value?.status }]
                    let (client, _) = try await network.client(configuration)
                    place.value = client
                    await client.addListener(EventListener { _ in _ = client.status })
                    await client.setFrameHandler(for: .text) { _, _ in client.status == .closed ? .ok : .ok }
                    try await client.close()
                }
                await eventually("the client is gone") { LiveObjects.count(of: .client) == 0 }
                #expect(LiveObjects.count(of: .client) == 0)
            }
        }
    }
}
