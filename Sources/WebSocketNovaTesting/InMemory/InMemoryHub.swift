import WebSocketCore

/// What there is of an ``InMemoryNetwork`` on its loop: channels, and what is to become of the next ones.
///
/// `@unchecked Sendable` because it is only touched on its loop.
final class InMemoryHub: @unchecked Sendable {
    let loop: InMemoryLoop
    /// Where peers wait that no script takes.
    let backlog: LoopMailbox<InMemoryPeer>
    /// Where the peers of the newest script go.
    private var listener: LoopMailbox<InMemoryPeer>?
    private var scripts: [Task<Void, Never>] = []
    private var channels: [ObjectIdentifier: InMemoryChannel] = [:]
    private var delays: [TransportPhase: Duration] = [:]
    private var isShutDown = false
    private var lastNumber = 0

    /// Why connections are not opened at present.
    var refusal: WebSocketError?
    /// How many channels were begun.
    private(set) var openingCount = 0
    var scriptErrors: [any Error] = []

    init(_ loop: InMemoryLoop) {
        self.loop = loop
        self.backlog = LoopMailbox(loop)
    }

    // MARK: Channels

    /// - Returns: whether there is a network to open it on.
    func add(_ channel: InMemoryChannel) -> Bool {
        guard !self.isShutDown else { return false }
        self.openingCount += 1
        self.channels[ObjectIdentifier(channel)] = channel
        return true
    }

    func remove(_ channel: InMemoryChannel) { self.channels[ObjectIdentifier(channel)] = nil }

    var channelCount: Int { self.channels.count }

    func delay(in phase: TransportPhase) -> Duration { self.delays[phase] ?? .zero }

    func set(_ delay: Duration, in phase: TransportPhase) { self.delays[phase] = delay }

    /// The request has come as far as the server.
    func offer(_ channel: InMemoryChannel) {
        self.lastNumber += 1
        let peer = InMemoryPeer(channel, number: self.lastNumber)
        (self.listener ?? self.backlog).push(peer)
    }

    // MARK: Scripts

    /// Gives the peers of connections to come to a script.
    func listen(_ listener: LoopMailbox<InMemoryPeer>, _ script: Task<Void, Never>) {
        self.listener?.finish()
        guard !self.isShutDown else {
            listener.finish()
            script.cancel()
            return
        }
        self.listener = listener
        self.scripts.append(script)
    }

    // MARK: The end

    func shutDown() {
        guard !self.isShutDown else { return }
        self.isShutDown = true
        self.backlog.removeAll()
        self.backlog.finish(throwing: TestServerError("the in-memory network was shut down"))
        self.listener?.finish()
        self.listener = nil
        for script in self.scripts { script.cancel() }
        self.scripts = []
        for channel in self.channels.values { channel.shutDown() }
    }
}
