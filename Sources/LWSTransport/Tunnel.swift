internal import CLibwebsockets
internal import Glibc
internal import WebSocketCore

/// One connection through lws's HTTP/1.1 client: the upgrade as a GET request of our own, and after the 101 the "body" as a
/// stream of bytes both ways.
///
/// After a 101 without Content-Length lws takes all that follows for a body without end. `lws_http_client_read` then reads
/// straight into a buffer of ours, and `lws_write(LWS_WRITE_RAW)` sends bytes as they are: lws's own WebSocket role, which
/// parses byte by byte and makes a system call for each frame, stays out of it.
///
/// ```
///  begin ──▶ resolving ──▶ connecting ──▶ open ──▶ closing ──▶ closed
///                │             │            │         ▲          ▲
///                │             │            └─────────┘          │
///                └─────────────┴─────────────────────────────────┘
/// ```
///
/// While connecting there are one or several attempts (``TunnelAttempt``), of which one wins.
///
/// `@unchecked Sendable` because it is only touched on its loop's thread: the transport calls it there, and so does lws.
final class Tunnel: @unchecked Sendable {
    enum State {
        case resolving
        /// Attempts are made, or one has won and is on its way through TLS and upgrade.
        case connecting
        case open
        /// The head was not wanted: the body is read, up to a limit.
        case refused
        case closed
    }

    private let life = LiveObject(.tunnel)
    /// Let go of when the channel is open.
    private(set) var request: TransportRequest
    let loop: EventLoop
    var core: LoopCore { self.loop.core }
    var delegate: (any TransportDelegate)?
    var state = State.resolving
    var phase: TransportPhase?
    /// That of the attempt that has won. Nil from `WSI_DESTROY` on: lws uses addresses again.
    var wsi: OpaquePointer?
    /// Why the stream broke, in lws's words or ours; the first words count.
    var failure: String?
    /// Why a call of ours on the open stream failed, the first one.
    var streamFailure: TransportFailure?
    /// Nothing can be written any more; what is there can be read.
    var isWriteBroken = false
    /// The delegate has asked to be told when it can write.
    var isWritableAwaited = false
    var isDoomed = false

    // Opening.
    /// Nil in the clear, and until there is a TLS context.
    var handshake: TLSHandshake?
    /// For as long as the tunnel waits for its turn to be opened, or is being opened.
    var openingTicket: OpeningGate<Tunnel>.Ticket?
    /// What the resolver is asked.
    var lookup: Resolver.Ticket?
    /// Where to connect from, if that was asked for.
    var localAddress: LocalAddress?
    /// Which address is to be tried when; nil before the addresses are known.
    var race: ConnectionRace?
    var raceTimer: TransportTimer?
    /// What the race says is to be done next, outside of every callback.
    var nextSteps: [ConnectionRace.Action] = []
    /// Those that have a wsi, or are about to have one.
    var attempts: [TunnelAttempt] = []
    /// The attempt whose TCP connection was up first.
    var winner: TunnelAttempt?
    /// The addresses that could not be reached, with the reason of each.
    var unreached: [String] = []
    /// What is under way with the proxy, if there is one.
    var proxyExchange: ProxyExchange?
    /// A response had come, and we did not take it.
    var headIsWrong = false
    /// Reads the head that follows an interim response; nil while there was none.
    var followingHead: HTTPResponseHeadParser?
    /// How many bytes of heads may still come behind interim responses.
    var followingHeadRoom = 0

    // Reading.
    var readTarget = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    var readCount = 0
    /// What lws handed over beyond the buffer it was given: bytes that came with the head, from a buffer of its own.
    var leftover: [UInt8] = []
    var hasToTellReadable = false
    /// Reads without lws; nil where lws has to read.
    var readWatcher: ReadWatcher?
    /// What other threads write with; nil where only lws can.
    var socketWriter: SocketWriter?
    /// Something was read since the delegate was last told that it can.
    var hasRead = false
    /// From how many bytes on the kernel finds the socket readable.
    var receiveLowWaterMark: Int32 = 1
    var isInReadCallback = false
    var streamEnded = false
    var bodyPrefix: [UInt8] = []
    /// Takes the body out of the stream where lws does not.
    var bodyDecoder: HTTPBodyDecoder?

    // Ending.
    var closesWhenFlushed = false
    var closure: TransportClosure?

    init(request: TransportRequest, loop: EventLoop, delegate: any TransportDelegate) {
        self.request = request
        self.loop = loop
        self.delegate = delegate
    }

    // MARK: Ending

    /// The channel is open: gives back what only the opening needed.
    func forgetOpening() {
        self.request = .spent
        self.race = nil
        self.unreached = []
        self.localAddress = nil
    }

    /// Ends what there is: the attempts if any exist, else the tunnel itself, later, as `open` promises.
    func end() {
        if self.attempts.isEmpty {
            self.isDoomed = true
            self.loop.wake(self)
        } else {
            self.doom()
        }
    }

    func doom() {
        guard !self.isDoomed else { return }
        self.isDoomed = true
        self.leaveSocket()
        self.stopRace()
        for attempt in self.attempts { attempt.doom() }
    }

    /// Nothing but lws touches the socket from here on. Before the number of its descriptor can be somebody else's.
    func leaveSocket() {
        self.readWatcher = nil
        self.socketWriter?.retire()
    }

    func fail(_ error: WebSocketError) {
        switch error.code {
        case .resolveFailed, .connectFailed, .invalidConfiguration, .resourceExhausted:
            self.finish(.failed(self.core.descriptorShortage ?? error))
        default:
            self.finish(.failed(error))
        }
    }

    func finish(_ closure: TransportClosure) {
        guard self.state != .closed else { return }
        self.state = .closed
        self.closure = closure
        self.stopLookup()
        self.stopRace()
        for attempt in self.attempts { attempt.doom() }
        self.loop.wake(self)
    }

    func tellEnd() {
        guard let delegate = self.delegate, let closure = self.closure else { return }
        self.delegate = nil
        self.leftover = []
        // First, so that who is told finds it gone.
        self.core.remove(self)
        delegate.channelDidClose(closure)
    }

    var headersAreDetached = false

    /// Gives back the memory of the response's headers, and keeps lws from reaping the connection for holding them too long
    /// (header.c:554).
    func detachHeaders() {
        guard self.state == .open, !self.headersAreDetached, let wsi else { return }
        self.headersAreDetached = true
        lws_http_headers_detach(wsi)
    }
}

extension Tunnel: TransportLoopWork {
    /// Whatever of its own doings the tunnel has put off to a moment outside every callback.
    func runOnLoop() {
        switch self.state {
        case .resolving:
            if self.isDoomed { self.finish(self.closure ?? .local) }
        case .connecting:
            if !self.isDoomed {
                self.takeNextSteps()
            } else if self.attempts.isEmpty {
                self.finish(self.closure ?? .local)
            }
        case .open:
            self.detachHeaders()
            if self.hasToTellReadable, !self.isDoomed {
                self.hasToTellReadable = false
                self.delegate?.channelIsReadable()
            }
        case .refused:
            break
        case .closed:
            self.tellEnd()
        }
    }
}
