import TestSupport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@testable import WebSocketNova

/// Handlers that throw, and what handlers are told and not told.
@Suite("Handlers that throw", .timeLimit(.minutes(1)))
struct HandlerContainmentTests {
    /// A call that is made on nobody's behalf, and what makes it be made.
    static let unasked: [(call: String, provoke: @Sendable (InMemoryNetwork, InMemoryPeer) async throws -> Void)] = [
        ("handleConnect", { _, _ in }),
        ("handleFrame.text", { _, peer in try await peer.send("{}") }),
        ("handleFrame.ping", { _, peer in try await peer.ping() }),
        ("validate", { _, peer in try await peer.send("{}") }),
        ("handleMessage", { _, peer in try await peer.send("{}") }),
    ]

    @Test("F62: one that throws is contained and reported; its state is kept", arguments: unasked.indices)
    func contained(index: Int) async throws {
        let (call, provoke) = Self.unasked[index]
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.wantsFrames = true
            puppet.wantsMessages = true
            puppet.failing = [call]
            let client = try WebSocketClient(ClientConfiguration.inMemory(network) { $0.handlers.install(puppet) })
            var events = EventReader(client)
            let connecting = await network.start { try await client.connect() }
            let peer = try await network.nextPeer()
            try await peer.accept()
            try await connecting.value
            try await provoke(network, peer)
            let error = try await events.error()
            #expect(error.code == .handlerFailed && error.underlying is Puppet.Refusal)
            // Behind the turn in which it was told: loggers and metrics hear of it after listeners.
            let state = await client.state
            let journal = puppet.journal.value
            #expect(journal.loggedErrors.map(\.code) == [.handlerFailed])
            #expect(journal.events.count { $0.name == "websocketnova.error.occurred" } == 1)
            #expect((state.lastError as? WebSocketError)?.code == .handlerFailed)
            let kept = try #require(state.handlers.adapter(as: Puppet.self))
            // It was called, and of the call nothing is left.
            #expect(journal.count(call) == 1 && kept.counts[call] == nil)
            #expect(kept.counts["handleError"] == 1)
            if call == "handleFrame.ping" { #expect(try await peer.receive() == .pong([])) }
            try await peer.expectNothing(but: "mark", from: client)
            try await client.close()
        }
    }

    @Test(
        "F62: one that throws when the connection is lost, or policy is asked for, does not keep it from coming back",
        arguments: ["handleDisconnect", "handleTimeout", "reconnectionDelay"]
    )
    func containedInLoss(call: String) async throws {
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.failing = [call]
            let (client, peer) = try await network.client { configuration in
                configuration.handlers.install(puppet)
                configuration.webSocket.deadlines.idle = .seconds(10)
            }
            var events = EventReader(client)
            if call == "handleTimeout" { await network.advance(by: .seconds(10)) } else { await peer.drop() }
            while try await events.error().code != .handlerFailed {}
            let delay = try await events.delay()
            let second = try await network.reconnected(after: delay)
            try await second.expectNothing(but: "mark", from: client)
            #expect(puppet.journal.value.loggedErrors.contains { $0.code == .handlerFailed })
            let kept = try #require(await client.state.handlers.adapter(as: Puppet.self))
            #expect(kept.counts[call] == nil)
            // The puppet's own delay, or full jitter from a second where it had none.
            #expect(call == "reconnectionDelay" ? delay <= .seconds(1) : delay == .seconds(1))
            try await client.close()
        }
    }

    @Test("F62: an error handler that throws is not asked about its own error")
    func errorHandler() async throws {
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.wantsMessages = true
            puppet.failing = ["handleMessage", "handleError"]
            let (client, peer) = try await network.client { $0.handlers.install(puppet) }
            var events = EventReader(client)
            try await peer.send("{}")
            let messages = [try await events.error().message, try await events.error().message]
            #expect(messages == ["the message handler threw", "the error handler threw"])
            // Behind the turn in which they were told.
            _ = await client.state
            let journal = puppet.journal.value
            #expect(journal.count("handleError") == 1 && journal.loggedErrors.count == 2)
            #expect(journal.events.count { $0.name == "websocketnova.error.occurred" } == 2)
            try await peer.expectNothing(but: "mark", from: client)
            try await client.close()
        }
    }

    @Test(
        "F62: what is called for a user is thrown to that user",
        arguments: [
            "status", "encode", "check", "authenticationRequest", "subscribe", "unsubscribe",
        ]
    )
    func thrownToUser(call: String) async throws {
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.failing = [call]
            let (client, peer) = try await network.client { configuration in
                configuration.handlers.install(puppet)
                if call != "check" { configuration.handlers.rateLimit = nil }
            }
            if call == "unsubscribe" {
                let subscribing = await network.start { try await client.subscribe(to: "x") }
                try await peer.confirmSubscription()
                let subscription = try await subscribing.value
                #expect(await code { try await client.unsubscribe(from: "x") } == .handlerFailed)
                for try await _ in subscription { Issue.record("it has not ended") }
            } else {
                let result = await code {
                    switch call {
                    case "status": _ = try await client.handlerStatus()
                    case "check": try await client.send("x")
                    case "authenticationRequest": try await client.authenticate()
                    case "subscribe": _ = try await client.subscribe(to: "x")
                    default: _ = try await client.request(.json(["id": 1]), correlatedBy: \.id)
                    }
                }
                #expect(result == .handlerFailed)
            }
            let kept = try #require(await client.state.handlers.adapter(as: Puppet.self))
            #expect(kept.counts[call] == nil && puppet.journal.value.count(call) == 1)
            if call != "check" { try await peer.expectNothing(but: "mark", from: client) }
            try await client.close()
        }
    }

    @Test(
        "F62: an answer that a handler cannot take is reported, and the wait for it ends by its time",
        arguments: ["auth.handleResponse", "subscription.handleResponse"]
    )
    func answers(call: String) async throws {
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.failing = [call]
            let (client, peer) = try await network.client { $0.handlers.install(puppet) }
            var events = EventReader(client)
            let waiting = await network.start {
                if call.hasPrefix("auth") {
                    try await client.authenticate()
                } else {
                    _ = try await client.subscribe(to: "x")
                }
            }
            if call.hasPrefix("auth") {
                try await peer.grantAuthentication()
            } else {
                try await peer.confirmSubscription()
            }
            #expect(try await events.error().code == .handlerFailed)
            await network.advance(by: .seconds(30))
            #expect(await waiting.errorCode == .timedOut)
            try await client.close()
        }
    }

    @Test("F60: a frame whose own handler throws goes the usual way, and that is reported")
    func frameHandler() async throws {
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.wantsFrames = true
            puppet.decisions["handleFrame.text"] = .reply(.text("usual"))
            let (client, peer) = try await network.client { $0.handlers.install(puppet) }
            var events = EventReader(client)
            await client.setFrameHandler(for: .text) { _, _ in throw Puppet.Refusal() }
            try await peer.send("x")
            let error = try await events.error()
            #expect(error.code == .handlerFailed && error.message.contains("text frames"))
            #expect(try await peer.receive() == .text("usual"))
            try await client.close()
        }
    }

    @Test("F60: a handler of one kind of frame takes its place, and gives it back")
    func frameHandlers() async throws {
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.wantsFrames = true
            let (client, peer) = try await network.client { $0.handlers.install(puppet) }
            let seen = Locked<[(WebSocketFrame, StreamRef)]>([])
            await client.setFrameHandler(for: .text) { frame, stream in
                seen.withLock { $0.append((frame, stream)) }
                return .reply(frame)
            }
            await client.setFrameHandler(for: .pong) { frame, _ in .reply(.binary([9])) }
            try await peer.send("1")
            #expect(try await peer.receive() == .text("1"))
            try await peer.send([2])
            try await peer.pong()
            #expect(try await peer.receive() == .binary([9]))
            await client.setFrameHandler(for: .text, nil)
            try await peer.send("3")
            try await peer.expectNothing(but: "mark", from: client)
            #expect(seen.value.map(\.0) == [.text("1")] && seen.value.map(\.1) == [client.stream])
            let calls = puppet.journal.value.names.filter { $0.hasPrefix("handleFrame") }
            #expect(calls == ["handleFrame.binary", "handleFrame.text"])
            try await client.close()
        }
    }

    @Test("F61: handlers that want no frames and no messages are never told of any, whoever else is")
    func unwanted() async throws {
        try await withInMemoryNetwork { network in
            let puppet = Puppet()
            let (client, peer) = try await network.client { $0.handlers.install(puppet) }
            var events = EventReader(client, withFrames: true)
            let answer = await network.start { try await client.request(.json(["id": 1]), correlatedBy: \.id) }
            _ = try await peer.receive()
            for _ in 0..<10 { try await peer.send(#"{"type":"info"}"#) }
            try await peer.send([1])
            try await peer.ping()
            try await peer.pong()
            try await peer.send(#"{"id":1}"#)
            #expect(try await answer.value.json == ["id": 1])
            try await peer.close()
            _ = try await events.next { if case .frame(_, .close) = $0 { true } else { nil } }
            #expect(events.seen.count { if case .frame = $0 { true } else { false } } == 15)
            let journal = puppet.journal.value
            let unwanted = journal.names.filter { $0.hasPrefix("handleFrame") || $0 == "handleMessage" }
            #expect(unwanted == [])
            #expect(!journal.events.contains { $0.name.hasPrefix("websocketnova.message") })
            #expect(!journal.logged.contains { $0.contains("received") })
            // The sums are told all the same.
            #expect(journal.sums[.received]?.count == 12)
            try await client.close()
        }
    }

    @Test("F61, F65: handlers get what came with its stream, after validation, on further streams and new ones")
    func streams() async throws {
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.wantsFrames = true
            puppet.wantsMessages = true
            puppet.decisions["handleMessage"] = .reply(.text("answer"))
            let (client, peer) = try await network.client { $0.handlers.install(puppet) }
            let first = client.stream
            let upgrading = await network.start { try await client.upgrade(path: "/second") }
            let other = try await network.nextPeer()
            try await other.accept()
            let further = try await upgrading.value
            try await other.send("{}")
            #expect(try await other.receive() == .text("answer"))
            try await peer.send("[]")
            await network.settle()
            await peer.drop()
            let second = try await network.reconnected()
            try await second.send("plain")
            await network.settle()
            let calls = puppet.journal.value.calls.filter {
                ["handleConnect", "handleFrame.text", "validate", "handleMessage"].contains($0.name)
            }
            #expect(
                calls.map { "\($0.name) \($0.stream?.generation ?? 0)" } == [
                    "handleConnect 1",
                    "handleFrame.text 2", "validate 0", "handleMessage 2",
                    "handleFrame.text 1", "validate 0", "handleMessage 1",
                    "handleConnect 3",
                    "handleFrame.text 3", "validate 0", "handleMessage 3",
                ]
            )
            #expect(first.generation == 1 && further.generation == 2)
            try await client.close()
        }
    }
}
