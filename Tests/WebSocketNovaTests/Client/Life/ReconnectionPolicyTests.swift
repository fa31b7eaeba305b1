import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

@Suite("What a client takes for the end, and what not", .timeLimit(.minutes(1)))
struct ReconnectionPolicyTests {
    @Test(
        "F53: close codes decide whether there is another attempt",
        arguments: [
            (1000, false), (1001, true), (1002, false), (1003, false), (1005, true), (1006, true), (1007, false),
            (1008, false), (1009, false), (1010, false), (1011, true), (1012, true), (1013, true), (1014, true),
            (3000, false), (3003, false), (3008, true), (3999, true), (4000, true), (4999, true),
        ] as [(UInt16, Bool)]
    )
    func closeCode(code: UInt16, comesBack: Bool) async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let (client, peer) = try await network.client(.life(network, log))
            switch code {
            case 1005: try await peer.send(InMemoryPeer.Frame(.close))
            case 1006: await peer.end()
            default: try await peer.close(code: WebSocketCloseCode(rawValue: code), reason: "why")
            }
            await network.settle()
            #expect(client.status == (comesBack ? .reconnecting : .error))
            let reasons = log.all.compactMap { event -> DisconnectReason? in
                switch event.kind {
                case .reconnecting(_, _, let cause): cause
                case .ended(let reason): reason
                default: nil
                }
            }
            #expect(reasons.count == 1)
            switch reasons.first {
            case .closed(let info): #expect(info.code.rawValue == code && info.initiator == .peer)
            case .failed(let error): #expect(code == 1006 && error.code == .transportFailed)
            default: Issue.record("\(reasons)")
            }
            if comesBack {
                await network.advance(by: .seconds(1))
                _ = try await network.acceptNext()
                #expect(client.status == .websocketConnected)
                try await client.close()
            }
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test(
        "F53: HTTP statuses decide whether there is another attempt",
        arguments: [
            (400, false), (401, false), (403, false), (404, false), (407, false), (410, false), (301, false),
            (200, false), (408, true), (425, true), (429, true), (500, true), (502, true), (503, true), (504, true),
        ] as [(Int, Bool)]
    )
    func httpStatus(status: Int, comesBack: Bool) async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let (client, peer) = try await network.client(.life(network, log))
            await peer.drop()
            await network.advance(by: .seconds(1))
            try await network.nextPeer().refuse(status: status)
            await network.settle()
            #expect(log.count(of: "refused 2 \(status)") == 1)
            #expect(client.status == (comesBack ? .reconnecting : .error))
            guard !comesBack else { return try await { _ = try await client.close() }() }
            guard case .failed(let error) = try await client.waitUntilEnded() else {
                Issue.record("no error")
                return
            }
            #expect(error.code == .upgradeRefused && error.handshake?.status == status)
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test(
        "F53: errors of the network are tried again, those of TLS are not",
        arguments: [
            (.resolveFailed, true), (.connectFailed, true), (.transportFailed, true), (.tlsFailed, false),
        ] as [(WebSocketError.Code, Bool)]
    )
    func networkError(code: WebSocketError.Code, comesBack: Bool) async throws {
        try await withInMemoryNetwork { network in
            var configuration = ClientConfiguration.life(network)
            configuration.url = "wss://example.com"
            let (client, peer) = try await network.client(configuration)
            network.refuseConnections(with: WebSocketError(code, "as the test wants it"))
            await peer.drop()
            await network.advance(by: .seconds(1))
            #expect(client.status == (comesBack ? .reconnecting : .error))
            try await client.close()
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("A peer that does not answer the request in time is tried again")
    func deadline() async throws {
        try await withInMemoryNetwork { network in
            var configuration = ClientConfiguration.life(network)
            configuration.webSocket.deadlines.open = .seconds(3)
            let (client, peer) = try await network.client(configuration)
            await peer.drop()
            await network.advance(by: .seconds(1))
            let silent = try await network.nextPeer()
            await network.advance(by: .seconds(3))
            #expect(client.status == .reconnecting)
            await network.advance(by: .seconds(1))
            _ = try await network.acceptNext()
            #expect(client.status == .websocketConnected)
            #expect(try await silent.waitUntilClosed() != .peer)
            try await client.close()
        }
    }

    @Test("F53: a server's Retry-After is waited for, up to the handler's limit", arguments: [(7, 7), (9000, 3600)])
    func retryAfter(wanted: Int, waits: Int) async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let (client, peer) = try await network.client(.life(network, log))
            await peer.drop()
            await network.advance(by: .seconds(1))
            try await network.nextPeer().refuse(status: 503, headers: ["Retry-After": "\(wanted)"])
            await network.settle()
            #expect(log.words.last == "again 2 \(waits * 1000)")
            await network.advance(by: .seconds(waits) - .milliseconds(1))
            #expect(await network.openingCount == 2)
            await network.advance(by: .milliseconds(1))
            _ = try await network.acceptNext()
            #expect(client.status == .websocketConnected)
            try await client.close()
        }
    }

    @Test(
        "F53: a handler of the user's own suppresses a reconnection that the default would make, and the other way round"
    )
    func ownPolicy() async throws {
        struct Contrary: ErrorHandler {
            mutating func reconnectionDelay(after reason: DisconnectReason, attempt: Int) throws -> Duration? {
                if case .closed(let info) = reason, info.code == .normalClosure { .milliseconds(5) } else { nil }
            }
        }
        for (code, comesBack) in [(WebSocketCloseCode.normalClosure, true), (.serviceRestart, false)] {
            try await withInMemoryNetwork { network in
                var configuration = ClientConfiguration.life(network)
                configuration.handlers.error = Contrary()
                let (client, peer) = try await network.client(configuration)
                try await peer.close(code: code)
                await network.settle()
                #expect(client.status == (comesBack ? .reconnecting : .error))
                try await client.close()
            }
        }
    }

    @Test("The connection handler stops, closes, or sets the delay when it is told of a loss")
    func disconnectDecisions() async throws {
        let decisions: [(HandlerDecision, ConnectionStatus, String)] = [
            (.ok, .reconnecting, "again 1 1000"), (.reconnect(), .reconnecting, "again 1 1000"),
            (.reconnect(after: .milliseconds(70)), .reconnecting, "again 1 70"),
            (.stop(reason: "enough"), .error, "ended"), (.close(), .closed, "ended"),
            (.reply(.text("too late")), .reconnecting, "again 1 1000"),
        ]
        for (decision, status, last) in decisions {
            try await withInMemoryNetwork { network in
                let log = EventLog()
                let losses = Locked(0)
                var configuration = ClientConfiguration.life(network, log)
                var handler = StagedConnectionHandler()
                handler.onDisconnect = { _ in
                    losses.withLock { $0 += 1 }
                    return decision
                }
                configuration.handlers.connection = handler
                let (client, peer) = try await network.client(configuration)
                await peer.drop()
                await network.settle()
                #expect(client.status == status && log.words.last == last, "\(decision)")
                #expect(losses.value == (status == .closed ? 2 : 1), "\(decision): the loss, and the local end")
                try await client.close()
                #expect(await network.remainingTimers() == 0)
            }
        }
    }
}
