/// The seam below a WebSocket connection: something that carries the upgrade and then bytes to one peer.
///
/// libwebsockets is one implementation, an in-memory one for tests another. A transport knows nothing of WebSocket frames.
///
/// ## Threads
/// Everything here happens on ``Transport/loop``: calls of a channel are made on it, and its delegate is called on it.
package protocol Transport: Sendable {
    /// The executor on which the channels of this transport live.
    var loop: any TransportLoop { get }

    /// Begins to open a channel. Call it on ``loop``.
    ///
    /// Every outcome, also an immediate failure, is told to the delegate later, never within this call.
    func open(_ request: TransportRequest, delegate: any TransportDelegate) -> any TransportChannel
}

/// A serial executor with a clock of its own.
package protocol TransportLoop: SerialExecutor {
    /// An executor on which users' tasks run on this loop, between those of its actors.
    var taskExecutor: any TaskExecutor { get }

    /// The time since some fixed point in the past, on the loop's monotonic clock.
    var now: Duration { get }

    /// The time of ``now``, up to some milliseconds late, at the price of a look into memory: for what is noted at each read.
    var coarseNow: Duration { get }

    /// The wall clock, as seconds since 1970: for what the peer dates, such as the end of an authentication.
    var wallClock: Double { get }

    /// Whether the caller runs on this loop.
    var isCurrent: Bool { get }

    /// Has `work` run on the loop soon, in the order of the calls. Any thread may call it, and it takes no allocation.
    func wake(_ work: any TransportLoopWork)

    /// Runs an action once, at the time given or as soon after it as the loop can. Call it on the loop.
    func schedule(at deadline: Duration, _ action: @escaping @Sendable () -> Void) -> TransportTimer

    /// How long what is sent without a break may be held back, so that each write carries more of it. Nil: not at all, because
    /// a write costs nothing, or time stands still.
    var gatheringDelay: Duration? { get }

    /// When what comes without a break may be left with the kernel, so that each read brings more of it. Nil: never.
    var readModeration: ReadModerationLimits? { get }

    /// Takes back an action that has not run yet; one that has is ignored. Call it on the loop.
    func cancel(_ timer: TransportTimer)
}

/// Something that a ``TransportLoop`` can be asked to run, again and again, without a closure or a task for each time.
package protocol TransportLoopWork: AnyObject, Sendable {
    /// Called on the loop, once for each ``TransportLoop/wake(_:)``.
    func runOnLoop()
}

/// Names one scheduled action of a ``TransportLoop``.
package struct TransportTimer: Hashable, Sendable {
    /// Unique in its loop; never used again.
    package var id: UInt64
    /// When the action is due.
    package var deadline: Duration

    package init(id: UInt64, deadline: Duration) {
        self.id = id
        self.deadline = deadline
    }
}

/// What a transport needs to know to open a channel.
///
/// It is large, and nobody needs it once the channel is open: hence a reference, which is let go of then.
package final class TransportRequest: Sendable {
    /// Where to connect to.
    package let endpoint: Endpoint
    /// The proxy to go through, if any.
    package let proxy: ProxyServer?
    /// How the TCP connection is made.
    package let network: NetworkConfiguration
    /// How to do TLS; nil for a connection in the clear.
    package let tls: TLSConfiguration?
    /// The upgrade request, byte for byte, up to and including the empty line.
    package let head: [UInt8]
    /// How many bytes a response's head may have.
    package let maximumResponseHeadSize: Int
    /// Names of response headers that are wanted, beside those that the transport knows.
    package let responseHeaderNames: [String]
    /// How many bytes of the body of a refused upgrade are kept.
    package let maximumRefusalBodySize: Int

    package init(
        endpoint: Endpoint,
        proxy: ProxyServer? = nil,
        network: NetworkConfiguration = NetworkConfiguration(),
        tls: TLSConfiguration?,
        head: [UInt8],
        maximumResponseHeadSize: Int,
        responseHeaderNames: [String] = [],
        maximumRefusalBodySize: Int
    ) {
        self.endpoint = endpoint
        self.proxy = proxy
        self.network = network
        self.tls = tls
        self.head = head
        self.maximumResponseHeadSize = maximumResponseHeadSize
        self.responseHeaderNames = responseHeaderNames
        self.maximumRefusalBodySize = maximumRefusalBodySize
    }
}

extension TransportRequest {
    /// Stands in for a request that is done with.
    package static let spent = TransportRequest(
        endpoint: Endpoint(host: "", port: 0),
        tls: nil,
        head: [],
        maximumResponseHeadSize: 0,
        maximumRefusalBodySize: 0
    )
}

/// How far the opening of a channel has come. Deadlines name the phase in which they expired.
package enum TransportPhase: String, Sendable, CaseIterable {
    case resolve
    case connect
    case proxy
    case tls
    case upgrade
}

/// What a channel tells. Called on the loop.
package protocol TransportDelegate: AnyObject, Sendable {
    /// The next phase of opening has begun.
    func channelDidEnter(_ phase: TransportPhase)

    /// A proxy has refused the tunnel. It will end with `channelDidClose` and `refused`, with the body's prefix, or before that
    /// for another reason.
    func channelWasRefused(_ error: WebSocketError)

    /// The head of the response has come. Answer whether the stream that follows is wanted; after `false`, the channel reads
    /// the body up to its limit, closes, and tells `channelDidClose`.
    func channelDidReceiveHead(_ head: HTTPResponseHead) -> Bool

    /// There are bytes to read, or the end of the stream. Told once; told again after a ``TransportChannel/read(into:)``.
    /// Not reading is how to hold back the peer.
    func channelIsReadable()

    /// The channel can take bytes again, asked for with ``TransportChannel/requestWritable()``.
    func channelIsWritable()

    /// The channel is gone. The last call, made exactly once.
    func channelDidClose(_ closure: TransportClosure)
}

/// One channel. Every call is made on the loop.
package protocol TransportChannel: AnyObject {
    /// While connecting: which addresses have been tried in vain or are being tried, in words for a message.
    var attemptSummary: String? { get }

    /// A buffer to read into, shared by every channel of the loop: what is in it is only good until the next read.
    var scratch: UnsafeMutableRawBufferPointer { get }

    /// Reads once, without waiting.
    ///
    /// - Returns: the number of bytes, or 0 if there is nothing now or will never be again. The end of the stream is told
    ///   with `channelDidClose` after this call returned.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int

    /// Says that nothing will come of the next bytes before there are `count` of them; 0 or 1: of each something may.
    ///
    /// The channel may then be silent until there are as many, or the stream has ended: it is up to the delegate to look at
    /// what there is if it has to know that something comes at all. Fewer can be read at any time.
    ///
    /// - Returns: whether it is silent until then; not all channels can be.
    @discardableResult
    func awaitBytes(_ count: Int) -> Bool

    /// Whether ``write(_:)`` may be called now.
    var isWritable: Bool { get }

    /// Writes all bytes; what the kernel does not take is kept by the channel, which then is not writable for a while.
    ///
    /// - Returns: false if the stream is broken; `channelDidClose` follows later.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool

    /// Asks for one `channelIsWritable`.
    func requestWritable()

    /// Writes from other threads; nil where only the loop can. Asked for while the head is received.
    var writer: (any TransportWriter)? { get }

    /// How far what was written has come; nil where the kernel does not tell.
    var progress: TransportProgress? { get }

    /// Whether the stream has broken, a reset having come for example. It is seen without reading, and takes a system call:
    /// for a delegate that does not read, and so would not be told.
    var isBroken: Bool { get }

    /// Ends the stream: what was written is flushed, then the connection is closed in order. `channelDidClose` follows.
    func close()

    /// Ends the stream now, without flushing. `channelDidClose` follows.
    func abort()
}

/// Writes to an open channel from any thread.
package protocol TransportWriter: AnyObject, Sendable {
    /// Writes as much as the kernel takes at once. Not while ``TransportChannel/write(_:)`` has left anything over.
    ///
    /// - Returns: how many bytes; 0 if it takes none, or if the channel ends, which it tells by itself.
    func write(_ bytes: UnsafeRawBufferPointer) -> Int
}

/// How far the bytes of a channel have come, counted below TLS.
package struct TransportProgress: Sendable, Hashable {
    /// How many bytes the peer's host has acknowledged since the channel was opened.
    package var acknowledged: UInt64
    /// How many bytes wait in this side's kernel for that.
    package var outstanding: UInt64

    package init(acknowledged: UInt64, outstanding: UInt64) {
        self.acknowledged = acknowledged
        self.outstanding = outstanding
    }
}

/// The head of an HTTP/1.x response.
package struct HTTPResponseHead: Sendable, Hashable {
    package var status: Int
    /// The x of HTTP/1.x.
    package var minorVersion: Int
    package var headers: HTTPFields

    package init(status: Int, minorVersion: Int = 1, headers: HTTPFields) {
        self.status = status
        self.minorVersion = minorVersion
        self.headers = headers
    }
}

/// How a channel ended.
package enum TransportClosure: Sendable {
    /// This side called `close` or `abort`.
    case local
    /// The peer ended the stream, or it broke.
    case peer(TransportFailure)
    /// The channel could not be opened, or what is below it is gone.
    indirect case failed(WebSocketError)
    /// The delegate did not want the stream, or a proxy refused it; the prefix of the body that came.
    case refused(bodyPrefix: [UInt8])
}

extension TransportChannel {
    package var attemptSummary: String? { nil }
}
