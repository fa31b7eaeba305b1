import TestSupport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@testable import WebSocketNova

@Suite("What a client tells", .timeLimit(.minutes(1)))
struct ClientEventsTests {
    private static let session = [
        "up", "upgraded 1", "frame 1 text", "frame 1 binary", "frame 1 ping", "down", "error transport_failed",
        "again 1 1000", "up", "upgraded 2", "back 2", "frame 2 text", "frame 2 close", "down", "ended",
    ]

    /// A short life: messages, a loss, a reconnection, a message, the peer's goodbye.
    private func play(_ client: WebSocketClient, _ network: InMemoryNetwork) async throws {
        let first = try await network.connect(client)
        try await first.send("a")
        try await first.send([1])
        try await first.ping()
        await first.drop()
        await network.advance(by: .seconds(1))
        let second = try await network.acceptNext()
        try await second.send("b")
        try await second.close()
        await network.settle()
    }

    @Test("F41, F42: up, upgrade, frame, down and error come in order, each once, in one envelope, to every listener")
    func order() async throws {
        try await withInMemoryNetwork { network in
            let logs = [EventLog(), EventLog(), EventLog()]
            var configuration = ClientConfiguration.life(network)
            configuration.listeners = [logs[0].listener, logs[1].listener]
            let client = try WebSocketClient(configuration)
            await client.addListener(logs[2].listener)
            // The same one again is told once.
            for log in logs { await client.addListener(log.listener) }
            let sequences = [client.events, client.events]
            let quiet = EventLog(withFrames: false)
            await client.addListener(quiet.listener)
            let few = client.events(withFrames: false)
            try await self.play(client, network)
            for log in logs {
                #expect(log.words == Self.session)
                #expect(log.all.allSatisfy { $0.connection == client.id })
            }
            for sequence in sequences {
                var words: [String] = []
                for await event in sequence { words.append(event.words) }
                #expect(words == Self.session)
            }
            let withoutFrames = Self.session.filter { !$0.hasPrefix("frame") }
            #expect(quiet.words == withoutFrames)
            var words: [String] = []
            for await event in few { words.append(event.words) }
            #expect(words == withoutFrames)
        }
    }

    @Test("F43: a listener that is unregistered is told nothing more, the others are")
    func unregister() async throws {
        try await withInMemoryNetwork { network in
            let (first, second) = (EventLog(), EventLog())
            let (client, peer) = try await network.client(.life(network, first))
            await client.addListener(second.listener)
            try await peer.send("a")
            await network.settle()
            #expect(first.words.last == "frame 1 text" && second.words == ["frame 1 text"])
            // The one of the configuration, and one that came later.
            await client.removeListener(first.listener)
            first.clear()
            try await peer.send("b")
            await network.settle()
            #expect(first.words.isEmpty && second.words.count == 2)
            await client.removeListener(second.listener)
            await client.removeListener(second.listener)
            await client.addListener(first.listener)
            try await peer.send("c")
            await network.settle()
            #expect(first.words == ["frame 1 text"] && second.words.count == 2)
            try await client.close()
        }
    }

    @Test("F43: sequences that nobody holds any more are forgotten, whether or not anything happens")
    func pruned() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client(.life(network))
            let kept = client.events
            for _ in 0..<1000 { _ = client.events }
            await network.settle()
            #expect(client.engine.eventQueues.count == 1)
            do {
                let dropped = client.events
                #expect(client.engine.eventQueues.count == 2)
                withExtendedLifetime(dropped) {}
            }
            try await peer.send("a")
            await network.settle()
            #expect(client.engine.eventQueues.count == 1)
            var iterator = kept.makeAsyncIterator()
            #expect(await iterator.next()?.words == "frame 1 text")
            try await client.close()
        }
    }

    /// Fills the listener's buffer of four messages, and says how many bytes the peer has sent that were not read.
    private func fill(_ network: InMemoryNetwork) async throws -> (WebSocketClient, InMemoryPeer, ClientEvents) {
        var configuration = ClientConfiguration.life(network)
        configuration.listenerBuffer.count = 4
        let (client, peer) = try await network.client(configuration)
        let events = client.events
        for number in 0..<4 { try await peer.send("\(number)") }
        await network.settle()
        for number in 4..<100 { try await peer.send("\(number)") }
        await network.settle()
        #expect(await peer.unreadByteCount > 0)
        return (client, peer, events)
    }

    @Test("F43: a listener that does not read holds back the connection, and lets go when it reads: nothing is lost")
    func slow() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer, events) = try await self.fill(network)
            let messages = Locked<[String]>([])
            let reading = network.task {
                for await event in events {
                    guard case .frame(_, .text(let text)) = event.kind else { continue }
                    messages.withLock { $0.append(text) }
                    if messages.value.count == 100 { break }
                }
            }
            try await reading.value
            #expect(messages.value == (0..<100).map(String.init))
            await network.settle()
            #expect(await peer.unreadByteCount == 0)
            try await client.close()
        }
    }

    @Test("F43: a slow listener that is dropped lets go of the connection")
    func slowAndDropped() async throws {
        try await withInMemoryNetwork { network in
            let client: WebSocketClient
            let peer: InMemoryPeer
            do {
                let filled = try await self.fill(network)
                (client, peer) = (filled.0, filled.1)
            }
            await network.settle()
            #expect(await peer.unreadByteCount == 0)
            try await client.close()
            #expect(client.status == .closed)
        }
    }

    @Test("F43: what a slow listener keeps does not grow with each connection")
    func slowForEver() async throws {
        try await withInMemoryNetwork { network in
            var configuration = ClientConfiguration.life(network, retries: .unlimited)
            configuration.listenerBuffer.count = 4
            network.onConnection { peer in
                try await peer.accept()
                for number in 0..<1000 { try await peer.send("\(number)") }
                try await network.sleep(for: .seconds(1))
                await peer.drop()
            }
            let client = try WebSocketClient(configuration)
            let events = client.events
            try await client.connect()
            // A connection that is not read is known to be broken after a while.
            await network.advance(by: .seconds(200))
            #expect(await network.openingCount > 10)
            let closing = network.task { try await client.close() }
            await network.advance(by: .seconds(10))
            _ = try await closing.value
            var frames = 0
            for await event in events { if case .frame = event.kind { frames += 1 } }
            #expect(frames < 1_100, "what one connection's first reads brought: \(frames)")
        }
    }

    @Test("F42: nothing comes after the end, whatever still happens")
    func last() async throws {
        struct Failing: ConnectionHandler {
            init() {}
            mutating func handleDisconnect(_ reason: DisconnectReason) throws -> HandlerDecision {
                throw WebSocketError(.timedOut, "as the test wants it")
            }
        }
        try await withInMemoryNetwork { network in
            let log = EventLog()
            var configuration = ClientConfiguration.life(network, log)
            configuration.handlers.connection = Failing()
            let (client, peer) = try await network.client(configuration)
            let subscribing = network.task { try await client.subscribe(to: "news") }
            #expect(try await peer.receive() != nil)
            try await client.close()
            #expect(await subscribing.errorCode == .connectionClosed)
            await network.settle()
            #expect(log.words == ["up", "upgraded 1", "frame 1 close", "down", "error timed_out", "ended"])
        }
    }

    @Test("F88: a client is found by its connection's name until its end, however it comes")
    func registry() async throws {
        try await withInMemoryNetwork { network in
            let (closed, _) = try await network.client(.life(network))
            let (lost, peer) = try await network.client(.life(network, retries: .limit(0)))
            let unused = try WebSocketClient(.life(network))
            #expect(closed.id != lost.id && lost.id != unused.id)
            for client in [closed, lost, unused] { #expect(WebSocketClient.find(client.id) === client) }
            try await closed.close()
            #expect(WebSocketClient.find(closed.id) == nil)
            await peer.drop()
            await network.settle()
            #expect(WebSocketClient.find(lost.id) == nil)
            #expect(WebSocketClient.find(unused.id) === unused)
            _ = try await unused.close()
            #expect(WebSocketClient.find(unused.id) == nil)
        }
    }
}
