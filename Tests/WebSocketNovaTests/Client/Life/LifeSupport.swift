import TestSupport
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

/// What a client tells a listener, in order.
final class EventLog: Sendable {
    let listener: EventListener
    private let events: Locked<[ClientEvent]>

    init(withFrames: Bool = true) {
        let events = Locked<[ClientEvent]>([])
        self.events = events
        self.listener = EventListener(wantsFrames: withFrames) { event in events.withLock { $0.append(event) } }
    }

    var all: [ClientEvent] { self.events.value }

    /// One word or two for each event.
    var words: [String] { self.all.map(\.words) }

    /// How many events of a kind there were, by the first of their words.
    func count(of word: String) -> Int { self.words.count { $0 == word || $0.hasPrefix(word + " ") } }

    func clear() { self.events.value = [] }
}

extension ClientEvent {
    /// What happened, and to which stream, without what differs from run to run.
    var words: String {
        switch self.kind {
        case .connectionUp: "up"
        case .upgraded(let stream, _): "upgraded \(stream.generation)"
        case .frame(let stream, let frame): "frame \(stream.generation) \(frame.kind.rawValue)"
        case .connectionDown: "down"
        case .refused(let stream, let answer): "refused \(stream.generation) \(answer.status)"
        case .streamEnded(let stream, _): "left \(stream.generation)"
        case .error(_, let error): "error \(error.code.rawValue)"
        case .transitionRefused(let from, let to): "illegal \(from.rawValue) \(to.rawValue)"
        case .reconnecting(let attempt, let delay, _): "again \(attempt) \(Int(delay / .milliseconds(1)))"
        case .reconnected(let stream, _): "back \(stream.generation)"
        case .subscriptionRestored(let channel, let failure): "restored \(channel)\(failure == nil ? "" : " failed")"
        case .ended: "ended"
        }
    }
}

/// A connection handler that does what a test says.
struct StagedConnectionHandler: ConnectionHandler {
    var onConnect: @Sendable (ConnectionInfo) throws -> HandlerDecision = { _ in .ok }
    var onDisconnect: @Sendable (DisconnectReason) throws -> HandlerDecision = { _ in .ok }
    var onFrame: (@Sendable (WebSocketFrame, StreamRef) throws -> HandlerDecision)?

    init() {}

    mutating func handleConnect(_ connection: ConnectionInfo) throws -> HandlerDecision {
        try self.onConnect(connection)
    }

    mutating func handleDisconnect(_ reason: DisconnectReason) throws -> HandlerDecision {
        try self.onDisconnect(reason)
    }

    mutating func handleFrame(_ frame: WebSocketFrame, on stream: StreamRef) throws -> HandlerDecision {
        try self.onFrame?(frame, stream) ?? .ok
    }

    var wantsFrames: Bool { self.onFrame != nil }
}

/// Says `{"type":"login"}`, and is content with `{"type":"welcome"}`.
struct StagedAuthHandler: AuthHandler {
    init() {}

    mutating func authenticationRequest(now: Double) throws -> OutgoingMessage { .text(#"{"type":"login"}"#) }

    mutating func handleResponse(_ message: JSONValue, now: Double) throws -> AuthResponse {
        switch message["type"]?.string {
        case "welcome": .authenticated
        case "unwelcome": .refused(reason: "no")
        default: .unrelated
        }
    }
}

extension ClientConfiguration {
    /// A client over a network in memory, whose attempts come each a second after the loss.
    static func life(
        _ network: InMemoryNetwork,
        _ log: EventLog? = nil,
        retries: ConnectionOptions.Retry = .limit(5)
    ) -> ClientConfiguration {
        var configuration = ClientConfiguration(url: "ws://example.com/feed?x=1")
        configuration.webSocket.use(network)
        configuration.webSocket.keepalive = .off
        configuration.handlers.error = DefaultErrorHandler(
            backoff: Backoff(growth: .linear, base: .seconds(1), limit: retries)
        )
        configuration.handlers.logging = nil
        configuration.handlers.metrics = nil
        if let log { configuration.listeners = [log.listener] }
        return configuration
    }
}

extension InMemoryNetwork {
    /// A task of a user's, whose part on the loop is waited for by ``settle()``.
    func task<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) -> Task<Value, any Error> {
        Task(executorPreference: self.taskExecutor) { try await body() }
    }

    /// Connects a client to a peer that accepts.
    func connect(_ client: WebSocketClient) async throws -> InMemoryPeer {
        let connecting = self.task { try await client.connect() }
        let peer = try await self.nextPeer()
        try await peer.accept()
        try await connecting.value
        return peer
    }

    /// Makes a client and connects it.
    func client(_ configuration: ClientConfiguration) async throws -> (WebSocketClient, InMemoryPeer) {
        let client = try WebSocketClient(configuration)
        return (client, try await self.connect(client))
    }

    /// The next peer, which accepts; everything that follows from that is done.
    func acceptNext() async throws -> InMemoryPeer {
        let peer = try await self.nextPeer()
        try await peer.accept()
        await self.settle()
        return peer
    }

    /// How many timers run down one after the other until there is none; at most ten are looked at.
    func remainingTimers() async -> Int {
        await self.settle()
        var count = 0
        while count < 10, await self.advanceToNextTimer() { count += 1 }
        return count
    }
}

extension Task where Failure == any Error {
    /// The code of the error that it ends with; nil if it ends with none, or another one.
    var errorCode: WebSocketError.Code? {
        get async {
            guard case .failure(let error) = await self.result else { return nil }
            return (error as? WebSocketError)?.code
        }
    }
}
