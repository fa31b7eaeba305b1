import WebSocketCore

/// One channel of an ``InMemoryNetwork``, as both of its sides see it.
///
/// ```
///  begin ──▶ opening ──▶ offered ──▶ open ──▶ closed
///               │           │                   ▲
///               └───────────┴───────────────────┘
/// ```
///
/// The client's side is told everything in a turn of its own, never within a call that it or the peer makes; the one exception
/// is what it does with the head of the response, which it has to say at once.
///
/// `@unchecked Sendable` because it is only touched on its loop.
final class InMemoryChannel: @unchecked Sendable {
    enum State {
        /// The phases before the upgrade pass.
        case opening
        /// The request has reached the peer, who has not answered.
        case offered
        case open
        case closed
    }

    /// What is to be told in a turn to come.
    private struct Due: OptionSet {
        let rawValue: UInt8
        static let begin = Due(rawValue: 1)
        static let readable = Due(rawValue: 2)
        static let writable = Due(rawValue: 4)
        static let end = Due(rawValue: 8)
    }

    // Counted as what it stands in for, so that tests for leaks see it.
    private let life = LiveObject(.tunnel)
    let loop: InMemoryLoop
    let hub: InMemoryHub
    private(set) var request: TransportRequest
    var delegate: (any TransportDelegate)?
    var state = State.opening
    private var due: Due = []

    // Opening.
    var phases: [TransportPhase] = []
    var phaseTimer: TransportTimer?

    // From the peer to the client.
    private var incoming = OutboundBuffer()
    private var hasToldReadable = false
    /// How many bytes the client waits for.
    private var awaitedCount = 0
    /// What comes behind the last of ``incoming``, if anything.
    private(set) var streamEnd: TransportFailure?

    // From the client to the peer.
    /// Written, and not taken by the peer's host.
    private var kept = OutboundBuffer()
    private var takenCount: UInt64 = 0
    private var wantsWritable = false
    private var isWriteBroken = false
    let inbox: InMemoryInbox

    // Ending.
    private var closesWhenFlushed = false
    private var closure: TransportClosure?
    /// Tells the peer of the end, of which ``end`` says how it came about.
    let ending: LoopMailbox<Never>
    private(set) var end: InMemoryPeer.End?

    init(_ request: TransportRequest, hub: InMemoryHub, delegate: any TransportDelegate) {
        self.request = request
        self.hub = hub
        self.loop = hub.loop
        self.delegate = delegate
        self.inbox = InMemoryInbox(hub.loop)
        self.ending = LoopMailbox(hub.loop)
        self.inbox.channel = self
    }

    func begin() { self.tell(.begin) }

    private func tell(_ what: Due) {
        if self.due.isEmpty { self.loop.wake(self) }
        self.due.insert(what)
    }

    // MARK: Opening

    /// The peer's answer to the upgrade.
    func respond(_ head: HTTPResponseHead, body: [UInt8]) {
        guard self.state == .offered, let delegate else { return }
        let limit = self.request.maximumResponseHeadSize
        guard head.size <= limit else {
            let words = "the response's head is larger than \(limit) bytes (limits.responseHeadSize)"
            self.finish(.failed(WebSocketError(.invalidUpgradeResponse, "no valid HTTP response: \(words)")))
            return
        }
        let isWanted = delegate.channelDidReceiveHead(head)
        // It may have ended the channel meanwhile.
        guard self.state == .offered else { return }
        guard isWanted else {
            self.finish(.refused(bodyPrefix: Array(body.prefix(self.request.maximumRefusalBodySize))))
            return
        }
        self.state = .open
        self.request = .spent
        body.withUnsafeBytes { self.deliver($0) }
    }

    // MARK: From the peer

    /// Whether the peer can still send something.
    var takesFromPeer: Bool { self.state == .open && self.streamEnd == nil }

    /// How much of what the peer has sent the client has not read.
    var unreadCount: Int { self.incoming.count }

    func deliver(_ bytes: UnsafeRawBufferPointer) {
        guard self.takesFromPeer, !bytes.isEmpty else { return }
        self.incoming.appendRaw(bytes)
        self.becameReadable()
    }

    /// The peer sends no more.
    func endStream(_ failure: TransportFailure) {
        switch self.state {
        case .opening, .offered:
            let words = "no HTTP response from \(self.request.endpoint): \(failure.message)"
            self.finish(.failed(WebSocketError(.transportFailed, words)))
        case .open where self.streamEnd == nil || failure.cause == .reset:
            // A reset may follow the end of the stream, but not the other way round.
            if self.streamEnd?.cause != .reset { self.streamEnd = failure }
            // What waits to be flushed never will be.
            if self.closesWhenFlushed, self.isBroken { self.finish(.local) } else { self.becameReadable() }
        case .open, .closed:
            break
        }
    }

    private func becameReadable() {
        let isEnough = self.incoming.count >= self.awaitedCount || self.streamEnd != nil
        if isEnough, !self.hasToldReadable { self.tell(.readable) }
    }

    // MARK: To the peer

    /// The peer's host may take something again.
    func pump() {
        guard self.state == .open, self.inbox.hasRoom else { return }
        if !self.kept.isEmpty {
            self.take(self.kept.pending)
            self.kept.consume(self.kept.count)
        }
        if self.closesWhenFlushed {
            self.finish(.local)
        } else if self.wantsWritable, self.isWritable {
            self.tell(.writable)
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        self.takenCount += UInt64(bytes.count)
        self.inbox.append(bytes)
    }

    // MARK: Ending

    /// The network is shut down.
    func shutDown() {
        self.finish(.failed(WebSocketError(.loopShutDown, "the in-memory network was shut down")))
    }

    /// The first reason counts. The delegate is told later.
    func finish(_ closure: TransportClosure, end: InMemoryPeer.End? = nil) {
        guard self.state != .closed else { return }
        self.state = .closed
        self.closure = self.closure ?? closure
        self.end = end ?? InMemoryPeer.End(closure)
        if let timer = self.phaseTimer.take() { self.loop.cancel(timer) }
        self.tell(.end)
    }

    private func tellEnd() {
        guard let delegate = self.delegate.take(), let closure = self.closure else { return }
        self.incoming.removeAll()
        self.kept.removeAll()
        self.request = .spent
        self.hub.remove(self)
        self.inbox.finish()
        self.ending.finish()
        delegate.channelDidClose(closure)
    }
}

extension InMemoryChannel: TransportLoopWork {
    func runOnLoop() {
        let due = self.due
        self.due = []
        if due.contains(.begin), self.state == .opening { self.beginOpening() }
        if due.contains(.readable), self.state == .open {
            self.hasToldReadable = true
            self.delegate?.channelIsReadable()
        }
        if due.contains(.writable), self.state == .open, self.wantsWritable, self.isWritable {
            self.wantsWritable = false
            self.delegate?.channelIsWritable()
        }
        if due.contains(.end) { self.tellEnd() }
    }
}

extension InMemoryChannel: TransportChannel {
    var scratch: UnsafeMutableRawBufferPointer { self.loop.scratch }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard self.state == .open else { return 0 }
        self.hasToldReadable = false
        let bytes = UnsafeRawBufferPointer(rebasing: self.incoming.pending.prefix(buffer.count))
        let count = bytes.count
        buffer.copyMemory(from: bytes)
        self.incoming.consume(count)
        if !self.incoming.isEmpty {
            self.becameReadable()
        } else if let streamEnd {
            // Found by the read behind the last byte, as with a socket.
            if count == 0 { self.finish(.peer(streamEnd)) } else { self.becameReadable() }
        }
        return count
    }

    func awaitBytes(_ count: Int) -> Bool {
        self.awaitedCount = count
        if self.state == .open, !self.incoming.isEmpty { self.becameReadable() }
        return true
    }

    var isWritable: Bool {
        self.state == .open && !self.closesWhenFlushed && !self.isWriteBroken && self.kept.isEmpty
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard self.isWritable else { return bytes.isEmpty }
        if self.isBroken {
            self.isWriteBroken = true
            return false
        }
        if self.inbox.hasRoom { self.take(bytes) } else { self.kept.appendRaw(bytes) }
        return true
    }

    var writer: (any TransportWriter)? { nil }

    func requestWritable() {
        guard self.state == .open else { return }
        self.wantsWritable = true
        if self.isWritable { self.tell(.writable) }
    }

    var progress: TransportProgress? {
        TransportProgress(acknowledged: self.takenCount, outstanding: UInt64(self.kept.count))
    }

    var isBroken: Bool { self.streamEnd?.cause == .reset }

    func close() {
        guard self.state != .closed, self.closure == nil else { return }
        if self.state == .open, !self.kept.isEmpty {
            self.closure = .local
            self.closesWhenFlushed = true
        } else {
            self.finish(.local)
        }
    }

    func abort() {
        self.finish(.local, end: .clientReset)
    }
}

extension HTTPResponseHead {
    /// How many bytes it has on the wire, less the reason.
    fileprivate var size: Int {
        let fields = self.headers.map { $0.name.utf8.count + $0.value.utf8.count + 4 }
        return "HTTP/1.1 101 \r\n\r\n".utf8.count + fields.reduce(0, +)
    }
}
