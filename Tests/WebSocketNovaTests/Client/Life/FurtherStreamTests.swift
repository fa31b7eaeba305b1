import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

@Suite("The streams of a client", .timeLimit(.minutes(1)))
struct FurtherStreamTests {
    /// Opens a further stream, which the peer accepts.
    private func open(
        _ path: String,
        of client: WebSocketClient,
        _ network: InMemoryNetwork
    ) async throws -> (StreamRef, InMemoryPeer) {
        let opening = network.task { try await client.upgrade(path: path) }
        let peer = try await network.acceptNext()
        return (try await opening.value, peer)
    }

    @Test("F36: a stream goes from upgrading to websocket to closing and is removed; each has its own path and headers")
    func life() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            var configuration = ClientConfiguration.life(network, log)
            configuration.webSocket.headers = ["X-Client": "nova"]
            let (client, main) = try await network.client(configuration)
            #expect(await client.state.activeStreams[client.stream]?.status == .websocket)
            let opening = network.task { try await client.upgrade(path: "/more?y=2", headers: ["X-Extra": "1"]) }
            let peer = try await network.nextPeer()
            let ref = StreamRef(connection: client.id, generation: 2)
            #expect(await client.state.activeStreams[ref]?.status == .upgrading)
            #expect(peer.request.target == "/more?y=2")
            #expect(peer.request.headers["X-Extra"] == "1" && peer.request.headers["X-Client"] == "nova")
            try await peer.accept()
            #expect(try await opening.value == ref && client.stream.generation == 1)
            #expect(await client.state.activeStreams[ref] == StreamInfo(.websocket, data: .init(path: "/more?y=2")))
            peer.answersClose = false
            try await client.send(.close(.normalClosure, reason: "done"), on: ref)
            #expect(try await peer.receive() == .close(.normalClosure, reason: "done"))
            #expect(await client.state.activeStreams[ref]?.status == .closing)
            await #expect(throws: WebSocketError.self) { try await client.send(.text("x"), on: ref) }
            try await peer.close()
            await peer.end()
            await network.settle()
            #expect(await client.state.activeStreams.keys.map(\.generation) == [1])
            #expect(log.words.suffix(2) == ["frame 2 close", "left 2"])
            guard case .streamEnded(ref, .local)? = log.all.last?.kind else {
                Issue.record("\(log.words)")
                return
            }
            #expect(client.status == .websocketConnected)
            try await client.send("still here")
            #expect(try await main.receive() == .text("still here"))
            try await client.close()
        }
    }

    @Test("Frames, sends and handlers carry the stream's name")
    func names() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let seen = Locked<[String]>([])
            var configuration = ClientConfiguration.life(network, log)
            var handler = StagedConnectionHandler()
            handler.onFrame = { frame, stream in
                seen.withLock { $0.append("\(stream.generation) \(frame.kind.rawValue)") }
                return frame.kind == .text ? .reply(.text("to \(stream.generation)")) : .ok
            }
            configuration.handlers.connection = handler
            let (client, main) = try await network.client(configuration)
            let (second, peer) = try await self.open("/second", of: client, network)
            let (third, last) = try await self.open("/third", of: client, network)
            try await last.send("a")
            try await main.send("b")
            try await peer.send([1])
            try await peer.send("c")
            await network.settle()
            #expect(seen.value == ["3 text", "1 text", "2 binary", "2 text"])
            #expect(log.words.suffix(4) == ["frame 3 text", "frame 1 text", "frame 2 binary", "frame 2 text"])
            #expect(try await last.receive() == .text("to 3"))
            #expect(try await main.receive() == .text("to 1"))
            #expect(try await peer.receive() == .text("to 2"))
            try await client.send([.text("x"), .binary([2])], on: second)
            try await client.send(.text("y"), on: third)
            try await client.send(.text("z"), on: client.stream)
            #expect(try await peer.receive() == .text("x"))
            #expect(try await peer.receive() == .binary([2]))
            #expect(try await last.receive() == .text("y"))
            #expect(try await main.receive() == .text("z"))
            try await client.close()
        }
    }

    @Test(
        "F39: a further stream that is refused is thrown, told and removed, and harms nothing",
        arguments: [404, 200, 503]
    )
    func refused(status: Int) async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let (client, main) = try await network.client(.life(network, log))
            let opening = network.task { try await client.upgrade(path: "/none") }
            try await network.nextPeer().refuse(status: status, body: "nothing here")
            guard case .failure(let error as WebSocketError) = await opening.result else {
                Issue.record("not refused")
                return
            }
            #expect(error.code == .upgradeRefused && error.handshake?.status == status)
            #expect(error.handshake?.bodyPrefix == Array("nothing here".utf8))
            await network.settle()
            #expect(log.words.suffix(2) == ["refused 2 \(status)", "error upgrade_refused"])
            #expect(await client.state.activeStreams.keys.map(\.generation) == [1])
            #expect(client.status == .websocketConnected)
            try await client.send("x")
            #expect(try await main.receive() == .text("x"))
            await network.advance(by: .seconds(60))
            #expect(await network.openingCount == 2, "a further stream is not tried again")
            try await client.close()
        }
    }

    @Test(
        "F37, F38: a further stream that is lost is told with its reason and removed; the client goes on",
        arguments: 0..<3
    )
    func lost(how: Int) async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let (client, _) = try await network.client(.life(network, log))
            let (ref, peer) = try await self.open("/more", of: client, network)
            switch how {
            case 0: await peer.drop()
            case 1: try await peer.close(code: .serviceRestart, reason: "later")
            default: try await peer.send(raw: [0xFF, 0x00])
            }
            await network.settle()
            let reasons = log.all.compactMap { event -> DisconnectReason? in
                if case .streamEnded(ref, let reason) = event.kind { reason } else { nil }
            }
            #expect(reasons.count == 1)
            switch (how, reasons.first) {
            case (0, .failed(let error)): #expect(error.code == .transportFailed)
            case (1, .closed(let info)): #expect(info.code == .serviceRestart && info.reason == "later")
            case (2, .failed(let error)): #expect(error.code == .protocolViolation)
            default: Issue.record("\(reasons)")
            }
            #expect(log.count(of: "error") == (how == 1 ? 0 : 1) && log.count(of: "down") == 0)
            #expect(client.status == .websocketConnected && client.stream.generation == 1)
            #expect(await client.state.activeStreams[ref] == nil)
            let late = network.task { try await client.send(.text("x"), on: ref) }
            #expect(await late.errorCode == .streamNotFound)
            try await client.close()
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("F33, F40: a stream of an earlier connection is refused by its name and that of the present one")
    func stale() async throws {
        try await withInMemoryNetwork { network in
            let (client, first) = try await network.client(.life(network))
            let old = client.stream
            await first.drop()
            await network.advance(by: .seconds(1))
            let second = try await network.acceptNext()
            do {
                try await client.send(.text("x"), on: old)
                Issue.record("sent")
            } catch let error as WebSocketError {
                #expect(error.code == .streamNotFound)
                #expect(error.message.contains("\(old)") && error.message.contains("\(client.stream)"))
            }
            let unknown = StreamRef(connection: client.id, generation: 99)
            await #expect(throws: WebSocketError.self) { try await client.send(.ping(), on: unknown) }
            let other = StreamRef(connection: ConnectionID(rawValue: 0), generation: 2)
            await #expect(throws: WebSocketError.self) { try await client.send(.text("x"), on: other) }
            try await client.send(.text("y"), on: client.stream)
            #expect(try await second.receive() == .text("y"))
            try await client.close()
        }
    }

    @Test("F32: before the upgrade nothing can be sent by name")
    func tooEarly() async throws {
        try await withInMemoryNetwork { network in
            let client = try WebSocketClient(.life(network))
            let early = network.task { try await client.send(.text("x"), on: client.stream) }
            #expect(await early.errorCode == .notConnected)
            let plain = network.task { try await client.send("x") }
            #expect(await plain.errorCode == .notConnected)
            let further = network.task { _ = try await client.upgrade(path: "/x") }
            #expect(await further.errorCode == .notConnected)
            let connecting = network.task { try await client.connect() }
            let peer = try await network.nextPeer()
            let onTheWay = network.task { try await client.send(.text("x"), on: client.stream) }
            #expect(await onTheWay.errorCode == .invalidStreamStatus)
            try await peer.accept()
            try await connecting.value
            try await client.close()
        }
    }

    @Test("F37: further streams outlive the loss of the main one, and end with the client")
    func outlive() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let (client, main) = try await network.client(.life(network, log))
            let (ref, peer) = try await self.open("/more", of: client, network)
            await main.drop()
            await network.settle()
            #expect(client.status == .reconnecting)
            try await client.send(.text("on"), on: ref)
            #expect(try await peer.receive() == .text("on"))
            try await peer.send("back")
            await network.settle()
            #expect(log.words.last == "frame 2 text")
            let third = network.task { _ = try await client.upgrade(path: "/x") }
            #expect(await third.errorCode == .notConnected)
            await network.advance(by: .seconds(1))
            _ = try await network.acceptNext()
            #expect(client.stream.generation == 3)
            try await client.send(.text("and on"), on: ref)
            #expect(try await peer.receive() == .text("and on"))
            try await client.close()
            await network.settle()
            #expect(try await peer.receive() == .close(.goingAway, reason: ""))
            #expect(log.count(of: "left") == 1 && log.words.last == "ended")
            #expect(await network.connectionCount == 0)
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("A further stream whose opening is cancelled is given up; the client goes on")
    func cancelled() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let (client, _) = try await network.client(.life(network, log))
            let opening = network.task { _ = try await client.upgrade(path: "/more") }
            let peer = try await network.nextPeer()
            opening.cancel()
            await #expect(throws: CancellationError.self) { try await opening.value }
            #expect(try await peer.waitUntilClosed() == .clientReset)
            let before = network.task {
                withUnsafeCurrentTask { $0?.cancel() }
                _ = try await client.upgrade(path: "/more")
            }
            await #expect(throws: CancellationError.self) { try await before.value }
            await network.settle()
            #expect(log.words == ["up", "upgraded 1"])
            #expect(await client.state.activeStreams.count == 1)
            #expect(await network.connectionCount == 1)
            try await client.close()
        }
    }

    @Test("Each pending opening of a further stream ends with the client, and says why")
    func endsWithClient() async throws {
        try await withInMemoryNetwork { network in
            var configuration = ClientConfiguration.life(network)
            var handler = StagedConnectionHandler()
            handler.onFrame = { _, _ in .stop(reason: "enough") }
            configuration.handlers.connection = handler
            let (client, main) = try await network.client(configuration)
            let opening = network.task { _ = try await client.upgrade(path: "/more") }
            let peer = try await network.nextPeer()
            try await main.send("x")
            #expect(await opening.errorCode == .stoppedByHandler)
            #expect(try await peer.waitUntilClosed() == .clientReset)
            #expect(client.status == .error)
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("A path that leads elsewhere is refused", arguments: ["more", "//evil.example/x", "ws://evil.example/", ""])
    func elsewhere(path: String) async throws {
        try await withInMemoryNetwork { network in
            let (client, _) = try await network.client(.life(network))
            let opening = network.task { _ = try await client.upgrade(path: path) }
            #expect(await opening.errorCode == .invalidURL)
            #expect(await network.openingCount == 1)
            #expect(await client.state.activeStreams.count == 1)
            try await client.close()
        }
    }
}
