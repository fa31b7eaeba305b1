import TestSupport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@testable import WebSocketNova

extension ClientConfiguration {
    /// A client over a network in memory that comes back a second after each loss, as often as need be.
    static func inMemory(
        _ network: InMemoryNetwork,
        _ configure: (inout ClientConfiguration) throws -> Void = { _ in }
    ) rethrows -> ClientConfiguration {
        var configuration = ClientConfiguration(url: "wss://service.example/feed")
        configuration.webSocket = .inMemory(network)
        configuration.handlers.error = DefaultErrorHandler(
            backoff: Backoff(growth: .linear, base: .seconds(1), limit: .unlimited)
        )
        configuration.webSocket.keepalive = .off
        configuration.handlers.logging = nil
        try configure(&configuration)
        return configuration
    }
}

extension InMemoryNetwork {
    /// Connects a client.
    func client(
        _ configure: (inout ClientConfiguration) throws -> Void = { _ in }
    ) async throws -> (client: WebSocketClient, peer: InMemoryPeer) {
        let client = try WebSocketClient(try ClientConfiguration.inMemory(self, configure))
        async let isConnected: Void = client.connect()
        let peer = try await self.nextPeer()
        try await peer.accept()
        try await isConnected
        return (client, peer)
    }

    /// Lets the delay of a reconnection pass, and takes the connection.
    func reconnected(after delay: Duration = .seconds(1)) async throws -> InMemoryPeer {
        await self.settle()
        await self.advance(by: delay)
        let peer = try await self.nextPeer()
        try await peer.accept()
        return peer
    }

    /// A task on the network's loop, which ``settle()`` and ``advance(by:)`` wait for: it has got as far as it can.
    func start<Success: Sendable>(
        _ body: @escaping @Sendable () async throws -> Success
    ) async -> Task<Success, any Error> {
        let task = Task(executorPreference: self.taskExecutor) { try await body() }
        await self.settle()
        return task
    }
}

extension ClientEngine {
    /// What waits for something, by what it is: empty where everything has been tidied up.
    var waiting: [String: Int] {
        let counts = [
            "requests": self.requestCount, "answers": self.requests.count, "given up": self.requests.isEmpty ? 0 : 1,
            "continuations": self.requestWaiters.count, "limiter": self.limiter.count,
            "authentications": self.authentication.waiters.count, "route": self.routeWaiters.count,
            "restoring": self.restoringWaiters.count, "connect": self.connectWaiters.count,
            "end": self.endWaiters.count, "channels": self.channels.count, "askers": self.askers.count,
        ]
        return counts.filter { $0.value != 0 }
    }
}

extension InMemoryPeer {
    struct Unexpected: Error { var message: Message? }

    /// The client's next message as JSON.
    func receiveJSON() async throws -> JSONValue {
        let message = try await self.receive()
        guard case .text(let text) = message else { throw Unexpected(message: message) }
        return try JSONText.decode(JSONValue.self, from: text.utf8)
    }

    func send(_ value: JSONValue) throws { try self.send(try JSONText.encode(value)) }

    /// Takes a subscription in the default handler's language, and confirms it.
    @discardableResult
    func confirmSubscription() async throws -> JSONValue {
        let request = try await self.receiveJSON()
        try self.send(["type": "subscribed", "id": request["id"] ?? .null])
        return request
    }

    /// Takes an authentication in the default handler's language, and grants it.
    @discardableResult
    func grantAuthentication(_ further: [String: JSONValue] = [:]) async throws -> JSONValue {
        let request = try await self.receiveJSON()
        try self.send(.object(further.merging(["type": "auth_success"]) { $1 }))
        return request
    }

    /// What the client has sent: nothing, or this.
    func expectNothing(but marker: String, from client: WebSocketClient) async throws {
        try await client.send(marker)
        #expect(try await self.receive() == .text(marker))
    }
}

/// Reads a client's events until something has come.
struct EventReader {
    private var iterator: ClientEvents.Iterator
    /// All that have come so far.
    private(set) var seen: [ClientEvent.Kind] = []

    init(_ client: WebSocketClient, withFrames: Bool = false) {
        self.iterator = client.events(withFrames: withFrames).makeAsyncIterator()
    }

    /// The first event from here on of which `pick` makes something.
    mutating func next<Picked>(_ pick: (ClientEvent.Kind) -> Picked?) async throws -> Picked {
        while let event = await self.iterator.next() {
            self.seen.append(event.kind)
            if let picked = pick(event.kind) { return picked }
        }
        throw Ended()
    }

    struct Ended: Error {}

    mutating func error() async throws -> WebSocketError {
        try await self.next { if case .error(_, let error) = $0 { error } else { nil } }
    }

    mutating func end() async throws -> DisconnectReason {
        try await self.next { if case .ended(let reason) = $0 { reason } else { nil } }
    }

    /// Of a client that has not been closed.
    mutating func failure() async throws -> WebSocketError {
        guard case .failed(let error) = try await self.end() else { throw Ended() }
        return error
    }

    mutating func delay() async throws -> Duration {
        try await self.next { if case .reconnecting(_, let delay, _) = $0 { delay } else { nil } }
    }
}

/// The code of the error that something throws; nil if it throws none.
func code(of body: () async throws -> Void) async -> WebSocketError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? WebSocketError)?.code
    }
}

extension Task where Failure == any Error {
    /// Whether it has ended by its cancellation.
    var wasCancelled: Bool {
        get async {
            guard case .failure(let error) = await self.result else { return false }
            return error is CancellationError
        }
    }
}
