internal import CLibwebsockets
internal import Glibc
internal import WebSocketCore

// From the name to the response.
extension Tunnel {
    func begin() {
        guard self.core.add(self) else {
            self.fail(WebSocketError(.loopShutDown, "the event loop has been shut down"))
            return
        }
        self.core.openInTurn(self)
    }

    /// The turn to be opened has come.
    func proceed() {
        guard self.state == .resolving, !self.isDoomed else { return }
        self.enter(.resolve)
        let host = self.peer.host
        if let address = Resolver.numericAddress(host) {
            self.connect(to: [address])
        } else {
            Resolver.resolve(host) { outcome in
                self.loop.wake(ResolverAnswer(tunnel: self, outcome: outcome))
            }
        }
    }

    func didResolve(_ outcome: Resolver.Outcome) {
        guard self.state == .resolving, self.closure == nil else { return }
        switch outcome {
        case .success(let addresses): self.connect(to: addresses)
        case .failure(let error): self.fail(error)
        }
    }

    func enter(_ phase: TransportPhase) {
        guard self.phase != phase else { return }
        self.phase = phase
        self.delegate?.channelDidEnter(phase)
    }

    // MARK: The race of attempts

    private func connect(to addresses: [String]) {
        self.state = .connecting
        var race = ConnectionRace(addresses: addresses, attemptDelay: .seconds(3600))
        let action = race.began()
        self.race = race
        self.step(action)
    }

    /// Does what the race says in a job of its own: an attempt can fail within the call that starts it, and a delegate must
    /// not hear of it then; and the end of one attempt, upon which the next one starts, is told in a callback of lws.
    private func step(_ action: ConnectionRace.Action) {
        if case .wait = action { return }
        self.nextStep = action
        self.loop.wake(self)
    }

    func takeNextStep() {
        let step = self.nextStep
        self.nextStep = .wait
        guard self.winner == nil, self.closure == nil else { return }
        switch step {
        case .wait:
            break
        case .connect(let address, let delay):
            self.armRaceTimer(delay)
            self.enter(.connect)
            self.start(address)
        case .giveUp:
            self.fail(self.connectError())
        }
    }

    private func armRaceTimer(_ delay: Duration?) {
        self.stopRace()
        guard let delay else { return }
        self.raceTimer = self.core.schedule(at: self.loop.now + delay) { [weak self] in
            guard let self, self.state == .connecting, let action = self.race?.delayPassed() else { return }
            self.raceTimer = nil
            self.step(action)
        }
    }

    func stopRace() {
        if let timer = self.raceTimer.take() { self.core.cancel(timer) }
    }

    private func start(_ address: String) {
        let vhost: OpaquePointer
        do throws(WebSocketError) {
            vhost = try self.core.vhost(for: self.request.tls, host: self.request.endpoint.host)
        } catch {
            self.fail(error)
            return
        }
        let attempt = TunnelAttempt(tunnel: self, address: address)
        self.attempts.append(attempt)
        let isUnderWay = attempt.start { self.connect(to: address, vhost: vhost, handle: $0) }
        if !isUnderWay { self.attemptDidEnd(attempt) }
    }

    private func connect(
        to address: String,
        vhost: OpaquePointer,
        handle: UnsafeMutableRawPointer
    ) -> OpaquePointer? {
        var info = lws_client_connect_info()
        info.context = self.core.contextOnLoop
        info.vhost = vhost
        info.port = Int32(self.peer.port)
        info.ssl_connection = self.connectionFlags
        info.retry_and_idle_policy = Self.noKeepalive
        info.opaque_user_data = handle
        return withCStrings(
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
    }

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
    nonisolated(unsafe) private static let noKeepalive: UnsafePointer<lws_retry_bo_t> = {  // immutable once made
        let policy = UnsafeMutablePointer<lws_retry_bo_t>.allocate(capacity: 1)
        policy.initialize(to: lws_retry_bo_t())
        return UnsafePointer(policy)
    }()

    // MARK: What becomes of an attempt

    /// The TCP connection of an attempt is up: it wins, unless another one has or nobody wants it any more.
    func attemptDidConnect(_ attempt: TunnelAttempt) -> Bool {
        guard self.winner == nil, self.closure == nil, !self.isDoomed else { return false }
        self.winner = attempt
        self.wsi = attempt.wsi
        self.stopRace()
        for other in self.attempts where other !== attempt { other.doom() }
        if let proxy = self.request.proxy { self.begin(with: proxy) } else { self.beginWithServer() }
        return true
    }

    func attemptDidEnd(_ attempt: TunnelAttempt) {
        self.attempts.removeAll { $0 === attempt }
        if attempt === self.winner {
            self.wsi = nil
            self.proxyExchange?.end()
            self.streamDidEnd(attempt)
            // It holds the tunnel, which would hold it for ever.
            self.winner = nil
        } else if let closure {
            if self.attempts.isEmpty { self.finish(closure) }
        } else if self.winner == nil, let action = self.race?.attemptFailed() {
            self.unreached.append("\(attempt.address): \(attempt.failure ?? "no connection")")
            self.step(action)
        }
    }

    private func streamDidEnd(_ attempt: TunnelAttempt) {
        if self.failure == nil { self.failure = attempt.failure }
        switch self.state {
        case .connecting:
            if let closure { self.finish(closure) } else { self.fail(self.openingError(attempt)) }
        case .open:
            self.finish(self.closure ?? .peer(self.failure))
        case .refused:
            self.finish(self.closure ?? .refused(bodyPrefix: self.bodyPrefix))
        case .resolving, .closed:
            break
        }
    }

    private func connectError() -> WebSocketError {
        let list = self.unreached.joined(separator: "; ")
        return WebSocketError(.connectFailed, "no connection to \(self.peerName): \(list)")
    }

    /// Why an attempt that had won came to no upgrade.
    private func openingError(_ attempt: TunnelAttempt) -> WebSocketError {
        let words = self.failure ?? "the connection ended"
        switch self.phase {
        case .proxy:
            return self.proxyError(words)
        case .tls:
            let reason = attempt.certificateError.map { "certificate not accepted: \($0)" } ?? words
            return WebSocketError(.tlsFailed, "TLS with \(self.endpointName): \(reason)")
        case .upgrade where self.isWrongResponse(words):
            let response = "HTTP response from \(self.endpointName)"
            return WebSocketError(.invalidUpgradeResponse, "no valid \(response): \(ResponseHead.explained(words))")
        default:
            return WebSocketError(.transportFailed, "no HTTP response from \(self.endpointName): \(words)")
        }
    }

    /// Who the TCP connection is with.
    private var peer: Endpoint { self.request.proxy?.endpoint ?? self.request.endpoint }

    private var peerName: String { self.request.proxy.map { "the proxy \($0)" } ?? self.endpointName }

    /// The socket is the server's from here on.
    func beginWithServer() { self.enter(self.request.tls == nil ? .upgrade : .tls) }

    var endpointName: String { "\(self.request.endpoint.host):\(self.request.endpoint.port)" }

    /// Whether a response had come that was none, rather than the end of the connection (client-http.c:386-493, 598-954).
    private func isWrongResponse(_ words: String) -> Bool {
        self.headIsWrong || words.hasPrefix("HS: ") || words == ResponseHead.parserFailure
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
