public import WebSocketCore
public import WebSocketNova

/// A network in memory, with a clock that stands still unless it is advanced: for tests of what is built on connections.
///
/// A configuration that uses it connects to an ``InMemoryPeer`` in place of a server, whatever its URL says: no socket, no name
/// look-up, no TLS, no waiting for time to pass. Everything above that is what runs in production.
///
/// ```swift
/// try await withInMemoryNetwork { network in
///     network.onConnection { peer in
///         try await peer.accept()
///         try await peer.echo()
///     }
///     let socket = try await WebSocket.connect(to: "wss://example.com/feed", configuration: .inMemory(network))
///     try await socket.send("hello")
///     #expect(try await socket.nextMessage() == .text("hello"))
/// }
/// ```
///
/// ## Time
/// Deadlines, keepalives and delays of the connections, and of the client above them, go by ``now``. ``advance(by:)`` lets time
/// pass: each timer that comes due on the way runs at its own time, and the next one only after everything that it set off on
/// the network's loop has been done.
///
/// The connections, their peers and the scripts of ``onConnection(_:)`` run on that loop. Other tasks do not, the test's own
/// among them, unless they are made to: `Task(executorPreference: network.taskExecutor) { … }`. What they do cannot be waited for
/// by ``settle()`` and ``advance(by:)``, nor does it come to an end before the clock goes on. A test that depends on it waits for
/// what it brings about: a message at the peer (``InMemoryPeer/receive()``), a new connection (``nextPeer()``), an event at the
/// client.
///
/// ## End
/// ``shutDown()`` ends every connection; so does letting go of the network and of every configuration and connection that uses
/// it.
public final class InMemoryNetwork: Sendable {
    let loop: InMemoryLoop
    let hub: InMemoryHub

    /// Makes a network, with a loop of its own.
    ///
    /// - Throws: ``TestServerError`` if the process may have no further thread.
    public init() throws {
        self.loop = try InMemoryLoop()
        self.hub = InMemoryHub(self.loop)
    }

    deinit {
        let hub = self.hub
        self.loop.perform { hub.shutDown() }
    }

    /// Ends every connection, with the error `loop_shut_down`, and cancels the scripts. Connections are not opened any more. It
    /// may be called more than once.
    public func shutDown() async {
        let hub = self.hub
        self.loop.perform { hub.shutDown() }
        await self.settle()
    }

    // MARK: Time

    /// How much time has passed since the network was made: what was advanced.
    public var now: Duration { self.loop.now }

    /// The wall clock, as seconds since 1970, for what goes by dates, such as the end of an authentication. It begins at
    /// 2026-01-01, 00:00 UTC, moves with ``now``, and can be set.
    public var wallClock: Double {
        get { self.loop.driver.wallClock }
        set { self.loop.driver.wallClock = newValue }
    }

    /// Lets time pass. Timers that come due run in the order of their times, each with the clock at its own time, those that are
    /// made meanwhile as well; between two of them everything that they set off on the loop is done.
    ///
    /// If several tasks let time pass, one span follows the other. A negative duration is none. Cancellation does not cut it
    /// short: it takes no time.
    public func advance(by duration: Duration) async { await self.loop.driver.advance(by: duration) }

    /// Lets time pass up to the next timer, whichever that is, and runs it: for delays that have been drawn at random.
    ///
    /// - Returns: false if there is no timer.
    @discardableResult
    public func advanceToNextTimer() async -> Bool { await self.loop.driver.advanceToNextTimer() }

    /// Waits until everything is done that is queued on the loop, and what that queues there.
    public func settle() async { await self.loop.driver.settle() }

    /// Waits for time to be advanced by others.
    ///
    /// - Throws: `CancellationError`.
    public func sleep(for duration: Duration) async throws {
        try await self.loop.sleep(until: self.now + duration)
    }

    /// Runs tasks on the network's loop, so that ``advance(by:)`` waits for them. They must not block it.
    public var taskExecutor: any TaskExecutor { self.loop.taskExecutor }

    // MARK: Connections

    /// Waits for the next connection that is being opened: its request has come, and waits for an answer.
    ///
    /// Those wait in line that nobody has asked for; none does while there is a script, see ``onConnection(_:)``.
    ///
    /// - Throws: `CancellationError`; ``TestServerError`` if the network is shut down.
    public func nextPeer() async throws -> InMemoryPeer {
        guard let peer = try await self.hub.backlog.next() else { throw CancellationError() }
        return peer
    }

    /// Has a script play the peer of each connection to come, in place of ``nextPeer()`` and of any script before.
    ///
    /// Each peer has a task of its own on the network's loop; ``InMemoryPeer/number`` tells a first connection from the next one.
    /// When the script returns, the stream to the client ends in order, if it has not before; when it throws, the connection is
    /// reset, and the error can be found in ``scriptErrors``. Scripts are cancelled when the network is shut down.
    public func onConnection(_ script: @escaping @Sendable (InMemoryPeer) async throws -> Void) {
        let hub = self.hub
        let listener = LoopMailbox<InMemoryPeer>(self.loop)
        // Made here, so that a script's expectations are those of the test.
        let scripts = Task(executorPreference: self.loop.taskExecutor) {
            await withDiscardingTaskGroup { group in
                while let peer = try? await listener.next() {
                    group.addTask { await hub.play(script, peer) }
                }
            }
        }
        self.loop.perform { hub.listen(listener, scripts) }
    }

    /// What scripts have thrown, other than `CancellationError`.
    public var scriptErrors: [any Error] {
        get async { await self.onLoop { $0.scriptErrors } }
    }

    /// How many connections have been begun to be opened, refused ones included.
    public var openingCount: Int {
        get async { await self.onLoop { $0.openingCount } }
    }

    /// How many connections there are, those included that are being opened.
    public var connectionCount: Int {
        get async { await self.onLoop { $0.channelCount } }
    }

    private func onLoop<Value: Sendable>(_ body: @escaping @Sendable (InMemoryHub) -> Value) async -> Value {
        let hub = self.hub
        return await withCheckedContinuation { continuation in
            self.loop.perform { continuation.resume(returning: body(hub)) }
        }
    }

    // MARK: Faults

    /// From now on no connection can be opened, as with a server that is down.
    ///
    /// - Parameter error: what each opening fails with, in the phase to which its code belongs. Default: `connect_failed`.
    public func refuseConnections(
        with error: WebSocketError = WebSocketError(.connectFailed, "no connection: Connection refused")
    ) {
        let hub = self.hub
        self.loop.perform { hub.refusal = error }
    }

    /// From now on connections can be opened again.
    public func admitConnections() {
        let hub = self.hub
        self.loop.perform { hub.refusal = nil }
    }

    /// From now on a phase of each opening takes this time.
    ///
    /// - Parameters:
    ///   - delay: how long it takes, on the network's clock; zero to take it back.
    ///   - phase: `resolve`, `connect`, `proxy` and `tls`, the latter two where the connection has them, and `upgrade`, before
    ///     the request has come to the peer. Default: `connect`.
    public func delayOpenings(by delay: Duration, in phase: WebSocketError.Deadline.Kind = .connect) {
        guard let phase = TransportPhase(rawValue: phase.rawValue) else { return }
        let hub = self.hub
        self.loop.perform { hub.set(delay, in: phase) }
    }
}

extension InMemoryHub {
    /// Plays a peer.
    fileprivate func play(_ script: @Sendable (InMemoryPeer) async throws -> Void, _ peer: InMemoryPeer) async {
        do {
            try await script(peer)
            await peer.end()
        } catch {
            if !(error is CancellationError) { self.loop.perform { self.scriptErrors.append(error) } }
            await peer.drop()
        }
    }
}

/// Runs the body with an ``InMemoryNetwork`` that is shut down when the body returns or throws.
public func withInMemoryNetwork<Result>(
    isolation: isolated (any Actor)? = #isolation,
    _ body: (InMemoryNetwork) async throws -> Result
) async throws -> Result {
    let network = try InMemoryNetwork()
    do {
        let result = try await body(network)
        await network.shutDown()
        return result
    } catch {
        await network.shutDown()
        throw error
    }
}

extension WebSocketConfiguration {
    /// The defaults, with connections over a network in memory.
    public static func inMemory(_ network: InMemoryNetwork) -> WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.use(network)
        return configuration
    }

    /// Has connections be made over a network in memory instead of sockets. ``WebSocketConfiguration/eventLoopGroup`` has no
    /// effect then.
    public mutating func use(_ network: InMemoryNetwork) { self.transport = InMemoryTransport(network: network) }
}

/// The transport over an ``InMemoryNetwork``.
struct InMemoryTransport: Transport {
    let network: InMemoryNetwork

    var loop: any TransportLoop { self.network.loop }

    func open(_ request: TransportRequest, delegate: any TransportDelegate) -> any TransportChannel {
        let channel = InMemoryChannel(request, hub: self.network.hub, delegate: delegate)
        channel.begin()
        return channel
    }
}
