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
///                │             │  ▲         │         ▲          ▲
///                │             │  └ next    │         │          │
///                │             │    address └─────────┘          │
///                └─────────────┴─────────────────────────────────┘
/// ```
///
/// `@unchecked Sendable` because it is only touched on its loop's thread: the transport calls it there, and so does lws.
final class Tunnel: TransportChannel, @unchecked Sendable {
    private enum State {
        case resolving
        /// A wsi exists or is about to.
        case connecting
        case open
        /// The head was not wanted: the body is read, up to a limit.
        case refused
        case closed
    }

    private let request: TransportRequest
    let loop: EventLoop
    private var core: LoopCore { self.loop.core }
    private var delegate: (any TransportDelegate)?
    private var state = State.resolving
    private var phase: TransportPhase?
    /// Never leaves this type, and is nil from `WSI_DESTROY` on: lws uses addresses again.
    private var wsi: OpaquePointer?
    private var isDoomed = false

    // Opening.
    private var addresses: ArraySlice<String> = []
    private var attempts: [String] = []
    private var failure: String?
    private var certificateError: String?

    // Reading.
    private var readTarget = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var readCount = 0
    /// What lws handed over beyond the buffer it was given: bytes that came with the head, from a buffer of its own.
    private var leftover: [UInt8] = []
    private var hasToTellReadable = false
    private var isInReadCallback = false
    private var streamEnded = false
    private var bodyPrefix: [UInt8] = []

    // Ending.
    private var closesWhenFlushed = false
    private var closure: TransportClosure?

    init(request: TransportRequest, loop: EventLoop, delegate: any TransportDelegate) {
        self.request = request
        self.loop = loop
        self.delegate = delegate
    }

    // MARK: Opening

    func begin() {
        guard self.core.add(self) else {
            self.fail(WebSocketError(.loopShutDown, "the event loop has been shut down"))
            return
        }
        self.enter(.resolve)
        let host = self.request.endpoint.host
        if let address = Resolver.numericAddress(host) {
            self.addresses = [address]
            self.connectLater()
        } else {
            Resolver.resolve(host) { outcome in
                self.loop.wake(ResolverAnswer(tunnel: self, outcome: outcome))
            }
        }
    }

    fileprivate func didResolve(_ outcome: Resolver.Outcome) {
        guard self.state == .resolving, self.closure == nil else { return }
        switch outcome {
        case .success(let addresses):
            self.addresses = addresses[...]
            self.connectLater()
        case .failure(let error):
            self.fail(error)
        }
    }

    /// Connects in a job of its own: an attempt can fail within the call, and a delegate must not hear of it then; and the
    /// end of one attempt, from which the next one starts, is told in a callback of lws.
    private func connectLater() {
        self.state = .connecting
        self.loop.wake(self)
    }

    private func connect() {
        guard self.state == .connecting, self.wsi == nil, self.closure == nil else { return }
        guard let address = self.addresses.popFirst() else {
            self.fail(self.openingError())
            return
        }
        self.attempts.append(address)
        self.enter(.connect)
        do throws(WebSocketError) {
            let vhost = try self.core.vhost(for: self.request.tls, host: self.request.endpoint.host)
            self.connect(to: address, vhost: vhost)
        } catch {
            self.fail(error)
        }
    }

    private func connect(to address: String, vhost: OpaquePointer) {
        var info = lws_client_connect_info()
        info.context = self.core.contextOnLoop
        info.vhost = vhost
        info.port = Int32(self.request.endpoint.port)
        info.ssl_connection = self.connectionFlags
        info.retry_and_idle_policy = Self.noKeepalive
        info.opaque_user_data = Unmanaged.passRetained(self).toOpaque()
        self.isInConnect = true
        self.wasDestroyedInConnect = false
        let connected = withCStrings(
            address,
            self.request.endpoint.host,
            "GET",
            "/",
            "http/1.1",
            LWSCallbacks.tunnelProtocolName
        ) { strings in
            info.address = strings[0]
            // The name for SNI and verification; the request's own Host line is in our bytes.
            info.host = strings[1]
            info.origin = strings[1]
            info.method = strings[2]
            info.path = strings[3]
            // Without it lws would offer h2 as well, over which its WebSocket client does not work.
            info.alpn = strings[4]
            info.local_protocol_name = strings[5]
            return lws_client_connect_via_info(&info)
        }
        self.isInConnect = false
        guard !self.wasDestroyedInConnect else { return }
        if let connected {
            self.wsi = connected
        } else {
            // No wsi was made, and none will be destroyed: give back what that would have released.
            Unmanaged<Tunnel>.passUnretained(self).release()
            self.attemptEnded()
        }
    }

    // `lws_client_connect_via_info` returns nil when it fails at once, in some cases after a `WSI_DESTROY`, in others
    // without one.
    private var isInConnect = false
    private var wasDestroyedInConnect = false

    private var connectionFlags: Int32 {
        // Never LCCSCF_PIPELINE: it would queue connections to one address behind each other.
        var flags = Int32(bitPattern: LCCSCF_HTTP_NO_FOLLOW_REDIRECT.rawValue)
        guard let tls = self.request.tls else { return flags }
        flags |= Int32(bitPattern: LCCSCF_USE_SSL.rawValue)
        if tls.certificateVerification.storage == .none {
            for allowance in [
                LCCSCF_ALLOW_SELFSIGNED, LCCSCF_ALLOW_EXPIRED, LCCSCF_ALLOW_INSECURE,
                LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK,
            ] { flags |= Int32(bitPattern: allowance.rawValue) }
        } else if self.request.endpoint.host.contains(":") {
            // The address is verified by the vhost's own TLS context (VhostCache).
            flags |= Int32(bitPattern: LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK.rawValue)
        }
        return flags
    }

    /// All zero: lws sends no pings, and arms no timer of 300 s for each connection (context.c:839). It keeps the pointer.
    private nonisolated(unsafe) static let noKeepalive: UnsafePointer<lws_retry_bo_t> = {  // immutable once made
        let policy = UnsafeMutablePointer<lws_retry_bo_t>.allocate(capacity: 1)
        policy.initialize(to: lws_retry_bo_t())
        return UnsafePointer(policy)
    }()

    private func enter(_ phase: TransportPhase) {
        guard self.phase != phase else { return }
        self.phase = phase
        self.delegate?.channelDidEnter(phase)
    }

    /// One attempt is over without a connection: the next address, or the end.
    private func attemptEnded() {
        if let closure {
            self.finish(closure)
        } else if self.phase == .connect, !self.addresses.isEmpty {
            self.connectLater()
        } else {
            self.fail(self.openingError())
        }
    }

    private func openingError() -> WebSocketError {
        let endpoint = "\(self.request.endpoint.host):\(self.request.endpoint.port)"
        let tried = self.attempts.joined(separator: ", ")
        let words = self.failure ?? "the connection ended"
        switch self.phase {
        case .tls:
            let reason = self.certificateError.map { "certificate not accepted: \($0)" } ?? words
            return WebSocketError(.tlsFailed, "TLS with \(endpoint): \(reason)")
        case .upgrade where self.isWrongResponse(words):
            return WebSocketError(.invalidUpgradeResponse, "no valid HTTP response from \(endpoint): \(words)")
        case .upgrade:
            return WebSocketError(.transportFailed, "no HTTP response from \(endpoint): \(words)")
        default:
            return WebSocketError(.connectFailed, "no connection to \(endpoint) (tried \(tried)): \(words)")
        }
    }

    /// Whether a response had come that was none, rather than the end of the connection (client-http.c:386-493, 598-954).
    private func isWrongResponse(_ words: String) -> Bool {
        self.headIsWrong || words.hasPrefix("HS: ") || words == "problems parsing header"
    }

    /// A response had come, and we did not take it.
    private var headIsWrong = false

    // MARK: What lws tells

    func lwsDidConnect(_ wsi: OpaquePointer) {
        self.wsi = wsi
        self.enter(self.request.tls == nil ? .upgrade : .tls)
    }

    /// Puts our request over the one that lws has generated (client-http.c:1214): `position` points behind the latter in the
    /// service buffer, and `room` is what is left there, less 12.
    func lwsWillSendRequest(_ position: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>, _ room: Int) -> Int32 {
        self.enter(.upgrade)
        let start = position.pointee + room + 12 - LoopCore.serviceBufferSize
        let isExpected = start[0] == UInt8(ascii: "G") && start[1] == UInt8(ascii: "E") && start[2] == UInt8(ascii: "T")
        // lws adds the empty line.
        let head = self.request.head.dropLast(2)
        guard isExpected, head.count <= LWSTransport.maximumRequestSize else {
            self.failure = "the request does not fit libwebsockets' buffer"
            return -1
        }
        head.withUnsafeBytes { UnsafeMutableRawPointer(start).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        position.pointee = start + head.count
        return 0
    }

    func lwsDidReceiveHead(_ wsi: OpaquePointer) -> Int32 {
        guard self.closure == nil, let delegate = self.delegate else { return -1 }
        let head = ResponseHead.read(wsi, limit: self.request.maximumResponseHeadSize)
        guard let head else {
            self.headIsWrong = true
            self.failure = "the response's head is larger than \(self.request.maximumResponseHeadSize) bytes"
            return -1
        }
        // What begins like a response and has no status, lws reads as 0.
        guard (100...999).contains(head.status) else {
            self.headIsWrong = true
            self.failure = "the response has no status"
            return -1
        }
        if head.status == 101, lws_hdr_total_length(wsi, WSI_TOKEN_HTTP1_0) > 0 {
            self.headIsWrong = true
            self.failure = "status 101 in an HTTP/1.0 response"
            return -1
        }
        if delegate.channelDidReceiveHead(head) {
            self.state = .open
        } else {
            self.state = .refused
            // These have no body (RFC 9112 section 6.3), and a server may wait for us.
            if head.status < 200 || head.status == 204 || head.status == 304 { self.doom() }
        }
        // The header storage is given back after this callback: here lws still needs it (client-http.c:934).
        self.loop.wake(self)
        return 0
    }

    func lwsIsReadable() -> Int32 {
        guard !self.isDoomed else { return 0 }
        self.isInReadCallback = true
        defer { self.isInReadCallback = false }
        switch self.state {
        case .open:
            self.detachHeaders()
            self.delegate?.channelIsReadable()
        case .refused:
            self.readBody()
        default:
            break
        }
        return self.streamEnded ? -1 : 0
    }

    func lwsDidRead(_ bytes: UnsafeRawBufferPointer) {
        // Called once for a read, but for a refusal's body in chunks once for each of them.
        let room = UnsafeMutableRawBufferPointer(rebasing: self.readTarget[self.readCount...])
        let fitting = min(bytes.count, room.count)
        self.readCount += fitting
        if bytes.baseAddress == UnsafeRawPointer(room.baseAddress) { return }
        // From a buffer of lws, what came together with the response's head; or from further on in ours, a chunk behind
        // the line with its size.
        room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<fitting]))
        self.leftover.append(contentsOf: bytes[fitting...])
    }

    func lwsIsWritable() {
        guard self.state == .open else { return }
        if self.closesWhenFlushed {
            if self.isFlushed { self.doom() }
        } else {
            self.delegate?.channelIsWritable()
        }
    }

    func lwsDidFail(_ text: String?) {
        if let text, self.failure == nil { self.failure = text }
    }

    /// A rejected certificate stays rejected, unless the user asked for no verification.
    func certificateWasRejected(_ reason: String) {
        if self.certificateError == nil { self.certificateError = reason }
    }

    /// Whether every certificate is taken.
    var acceptsAnyCertificate: Bool { self.request.tls?.certificateVerification.storage == Optional.none }

    func lwsDidDestroy() {
        if self.isInConnect { self.wasDestroyedInConnect = true }
        self.wsi = nil
        // Balances `connect`; `self` is kept by the loop's table until `finish`.
        defer { Unmanaged<Tunnel>.passUnretained(self).release() }
        switch self.state {
        case .connecting:
            self.attemptEnded()
        case .open:
            self.finish(self.closure ?? .peer(self.failure))
        case .refused:
            self.finish(self.closure ?? .refused(bodyPrefix: self.bodyPrefix))
        case .resolving, .closed:
            break
        }
    }

    // MARK: TransportChannel

    var scratch: UnsafeMutableRawBufferPointer { self.core.scratch }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        self.core.assertOnLoop()
        if !self.leftover.isEmpty { return self.readLeftover(into: buffer) }
        guard self.state == .open || self.state == .refused, let wsi, !self.streamEnded, !self.isDoomed else {
            return 0
        }
        self.detachHeaders()
        self.readTarget = buffer
        self.readCount = 0
        var pointer = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
        var count = Int32(clamping: buffer.count)
        // The end of the stream sets none.
        errno = 0
        let status = lws_http_client_read(wsi, &pointer, &count)
        let code = errno
        if status < 0 {
            self.streamEnded = true
            if self.failure == nil, code != 0, code != EAGAIN { self.failure = describe(errno: code) }
            // Within its callback lws closes the wsi itself, by the value that is returned there.
            if !self.isInReadCallback { self.doom() }
        }
        if !self.leftover.isEmpty { self.tellReadable() }
        return self.readCount
    }

    /// Tells the delegate once more that there may be something to read, since lws does not tell of what it has given.
    private func tellReadable() {
        self.hasToTellReadable = true
        self.loop.wake(self)
    }

    private func readLeftover(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, self.leftover.count)
        self.leftover.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        self.leftover.removeFirst(count)
        // Behind it too: lws tells of more only after a read of its own.
        self.tellReadable()
        return count
    }

    private var isFlushed: Bool { self.wsi.map { lws_partial_buffered($0) == 0 } ?? true }

    var isWritable: Bool {
        self.state == .open && !self.isDoomed && !self.closesWhenFlushed && self.wsi != nil && self.isFlushed
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        self.core.assertOnLoop()
        guard let wsi, self.isWritable, let base = bytes.baseAddress else { return bytes.isEmpty }
        // lws does not modify what it sends raw; the parameter is not const because other kinds of writes mask in place.
        let pointer = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: UInt8.self))
        if lws_write(wsi, pointer, bytes.count, nova_lws_write_raw) < 0 {
            if self.failure == nil { self.failure = describe(errno: errno) }
            self.doom()
            return false
        }
        return true
    }

    func requestWritable() {
        self.core.assertOnLoop()
        if let wsi, self.state == .open, !self.isDoomed { lws_callback_on_writable(wsi) }
    }

    func close() {
        self.core.assertOnLoop()
        guard self.state != .closed, self.closure == nil else { return }
        self.closure = .local
        if self.state == .open, !self.isFlushed {
            self.closesWhenFlushed = true
        } else {
            self.end()
        }
    }

    func abort() {
        self.core.assertOnLoop()
        guard self.state != .closed, !self.isDoomed else { return }
        self.closure = self.closure ?? .local
        if let wsi {
            // Otherwise lws goes on flushing what it has buffered for 5 s (close.c), and a peer that does not read
            // holds the socket.
            let descriptor = lws_get_socket_fd(wsi)
            if descriptor >= 0 {
                var linger = linger(l_onoff: 1, l_linger: 0)
                setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
                if !self.isFlushed { shutdown(descriptor, Int32(SHUT_RDWR)) }
            }
        }
        self.end()
    }

    /// The loop ends; every connection on it does.
    func loopWillShutDown() {
        guard self.state != .closed else { return }
        let words = self.state == .open ? "the event loop was shut down" : "the event loop was shut down while opening"
        self.closure = .failed(WebSocketError(.loopShutDown, words))
        self.abort()
    }

    // MARK: Ending

    /// Ends what there is: the wsi if one exists, else the tunnel itself, later, as `open` promises.
    private func end() {
        if self.wsi != nil {
            self.doom()
        } else {
            self.isDoomed = true
            self.loop.wake(self)
        }
    }

    private func doom() {
        guard !self.isDoomed else { return }
        self.isDoomed = true
        self.core.doom(self)
    }

    /// Closes the wsi; called between two turns of the loop, never within a callback.
    func kill() {
        guard let wsi else { return }
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC)
    }

    private func fail(_ error: WebSocketError) {
        self.finish(.failed(error))
    }

    private func finish(_ closure: TransportClosure) {
        guard self.state != .closed else { return }
        self.state = .closed
        self.closure = closure
        self.loop.wake(self)
    }

    private func tellEnd() {
        guard let delegate = self.delegate, let closure = self.closure else { return }
        self.delegate = nil
        self.leftover = []
        // First, so that who is told finds it gone.
        self.core.remove(self)
        delegate.channelDidClose(closure)
    }

    private var headersAreDetached = false

    /// Gives back the memory of the response's headers, and keeps lws from reaping the connection for holding them too long
    /// (header.c:554).
    private func detachHeaders() {
        guard !self.headersAreDetached, let wsi else { return }
        self.headersAreDetached = true
        if self.state == .open { lws_http_headers_detach(wsi) }
    }

    private func readBody() {
        let count = self.read(into: self.scratch)
        let room = self.request.maximumRefusalBodySize - self.bodyPrefix.count
        self.bodyPrefix.append(contentsOf: self.scratch[..<min(count, max(0, room))])
        if count >= room { self.doom() }
    }
}

extension Tunnel: TransportLoopWork {
    /// Whatever of its own doings the tunnel has put off to a moment outside every callback.
    func runOnLoop() {
        switch self.state {
        case .resolving:
            if self.isDoomed { self.finish(self.closure ?? .local) }
        case .connecting:
            if self.isDoomed, self.wsi == nil { self.finish(self.closure ?? .local) } else { self.connect() }
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

/// Brings a look-up's outcome from the resolver's thread to the loop.
private final class ResolverAnswer: TransportLoopWork {
    private let tunnel: Tunnel
    private let outcome: Resolver.Outcome

    init(tunnel: Tunnel, outcome: Resolver.Outcome) {
        self.tunnel = tunnel
        self.outcome = outcome
    }

    func runOnLoop() { self.tunnel.didResolve(self.outcome) }
}

/// Calls `body` with C strings that live during the call.
private func withCStrings<Result>(_ strings: String..., body: ([UnsafePointer<CChar>?]) -> Result) -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies.map { UnsafePointer($0) })
}
