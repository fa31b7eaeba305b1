internal import CLibwebsockets
internal import Glibc
internal import WebSocketCore

// From the name to the response: addresses are tried in turn.
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

    func didResolve(_ outcome: Resolver.Outcome) {
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
    func connectLater() {
        self.state = .connecting
        self.loop.wake(self)
    }

    func connect() {
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

    func connect(to address: String, vhost: OpaquePointer) {
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

    var connectionFlags: Int32 {
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
    nonisolated(unsafe) static let noKeepalive: UnsafePointer<lws_retry_bo_t> = {  // immutable once made
        let policy = UnsafeMutablePointer<lws_retry_bo_t>.allocate(capacity: 1)
        policy.initialize(to: lws_retry_bo_t())
        return UnsafePointer(policy)
    }()

    func enter(_ phase: TransportPhase) {
        guard self.phase != phase else { return }
        self.phase = phase
        self.delegate?.channelDidEnter(phase)
    }

    /// One attempt is over without a connection: the next address, or the end.
    func attemptEnded() {
        if let closure {
            self.finish(closure)
        } else if self.phase == .connect, !self.addresses.isEmpty {
            self.connectLater()
        } else {
            self.fail(self.openingError())
        }
    }

    func openingError() -> WebSocketError {
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
    func isWrongResponse(_ words: String) -> Bool {
        self.headIsWrong || words.hasPrefix("HS: ") || words == "problems parsing header"
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
