internal import Glibc
internal import WebSocketCore

// From the name to its addresses, and the words for what goes wrong.
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
        self.prepareTLS()
    }

    /// The way to the addresses; TLS is prepared.
    func resolve() {
        let endpoint = self.peer
        do throws(WebSocketError) {
            if let path = endpoint.unixPath {
                // lws takes what begins with a plus for a Unix socket (client-handshake.c:1016).
                self.connect(to: ["+" + path])
                return
            }
            if let interface = self.request.network.interface { self.localAddress = try LocalAddress(of: interface) }
            if let address = try Resolver.numericAddress(of: endpoint) {
                self.connect(to: [address])
                return
            }
        } catch {
            self.fail(error)
            return
        }
        self.lookup = self.loop.resolver.resolve(endpoint.host, family: self.request.network.addressFamily) { outcome in
            self.loop.wake(LoopAnswer { self.didResolve(outcome) })
        }
    }

    func didResolve(_ outcome: Resolver.Outcome) {
        self.lookup = nil
        guard self.state == .resolving, self.closure == nil else { return }
        switch outcome {
        case .success(let addresses): self.connect(to: addresses)
        case .failure(let error): self.fail(error)
        }
    }

    func stopLookup() {
        if let lookup = self.lookup.take() { self.loop.resolver.cancel(lookup) }
    }

    func enter(_ phase: TransportPhase) {
        guard self.phase != phase else { return }
        self.phase = phase
        self.delegate?.channelDidEnter(phase)
    }

    // MARK: Errors

    var attemptSummary: String? {
        guard self.state == .connecting, self.winner == nil, self.request.endpoint.unixPath == nil else { return nil }
        let waiting = self.attempts.map { "\($0.address): no answer" }
        return (self.unreached + waiting).joined(separator: "; ")
    }

    func connectError() -> WebSocketError {
        let list = self.unreached.joined(separator: "; ")
        return WebSocketError(.connectFailed, "no connection to \(self.peerName): \(list)")
    }

    /// Why an attempt that had won came to no upgrade.
    func openingError(_ attempt: TunnelAttempt) -> WebSocketError {
        let words = self.failure ?? "the connection ended"
        if let error = self.tlsError(words) { return error }
        switch self.phase {
        case .proxy:
            return self.proxyError(words)
        case .upgrade where self.isWrongResponse(words):
            let response = "HTTP response from \(self.request.endpoint)"
            return WebSocketError(.invalidUpgradeResponse, "no valid \(response): \(ResponseHead.explained(words))")
        default:
            return WebSocketError(.transportFailed, "no HTTP response from \(self.request.endpoint): \(words)")
        }
    }

    /// Whether a response had come that was none, rather than the end of the connection (client-http.c:386-493, 598-954).
    private func isWrongResponse(_ words: String) -> Bool {
        self.headIsWrong || words.hasPrefix("HS: ") || words == ResponseHead.parserFailure
    }
}

/// Brings what another thread has found out to the loop.
final class LoopAnswer: TransportLoopWork {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func runOnLoop() { self.body() }
}
