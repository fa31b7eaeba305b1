internal import CLibwebsockets
internal import Glibc
internal import WebSocketCore

// The race of attempts, from the addresses to the TCP connection.
extension Tunnel {
    func connect(to addresses: [String]) {
        self.state = .connecting
        var usable: [String] = []
        for address in addresses {
            if let obstacle = self.obstacle(to: address) {
                self.unreached.append("\(address): \(obstacle)")
            } else {
                usable.append(address)
            }
        }
        var race = ConnectionRace(addresses: usable, attemptDelay: self.request.network.attemptDelay)
        let action = race.began()
        self.race = race
        self.step(action)
    }

    /// Why an address is not to be tried.
    private func obstacle(to address: String) -> String? {
        guard self.request.endpoint.unixPath == nil else { return nil }
        let family = self.request.network.addressFamily
        if !family.includes(address) { return "not tried, network.addressFamily is \(family)" }
        if let local = self.localAddress, local.matching(address) == nil {
            return "not tried, network.interface has no address of this family"
        }
        return nil
    }

    /// Does what the race says in a job of its own: an attempt can fail within the call that starts it, and a delegate must
    /// not hear of it then; and the end of one attempt, upon which the next one starts, is told in a callback of lws.
    private func step(_ action: ConnectionRace.Action) {
        if case .wait = action { return }
        self.nextSteps.append(action)
        self.loop.wake(self)
    }

    func takeNextSteps() {
        while !self.nextSteps.isEmpty {
            let step = self.nextSteps.removeFirst()
            guard self.state == .connecting, self.winner == nil, self.closure == nil else { continue }
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

    func start(_ address: String) {
        let vhost: OpaquePointer
        do throws(WebSocketError) {
            vhost = try self.core.takeVhost(for: self.handshake?.context)
        } catch {
            self.fail(error)
            return
        }
        let attempt = TunnelAttempt(tunnel: self, address: address)
        self.attempts.append(attempt)
        let isUnderWay = attempt.start { self.connect(to: address, vhost: vhost, handle: $0) }
        if !isUnderWay { self.attemptDidEnd(attempt) }
    }

    // MARK: What becomes of an attempt

    /// The TCP connection of an attempt is up: it wins, unless another one has or nobody wants it any more.
    func attemptDidConnect(_ attempt: TunnelAttempt) -> Bool {
        guard self.winner == nil, self.closure == nil, !self.isDoomed else { return false }
        if self.request.endpoint.unixPath != nil, !attempt.isConnected {
            // lws takes EAGAIN for a connection under way; with Unix sockets it means none (connect(2)).
            attempt.failed("the server's queue of new connections is full")
            return false
        }
        if let words = attempt.apply(self.request.network) {
            self.closure = .failed(WebSocketError(.invalidConfiguration, words))
            self.doom()
            return false
        }
        self.winner = attempt
        self.wsi = attempt.wsi
        self.stopRace()
        for other in self.attempts where other !== attempt { other.doom() }
        if let handshake, let wsi { handshake.await(on: lws_get_socket_fd(wsi)) }
        if let proxy = self.request.proxy { self.begin(with: proxy) } else { self.beginWithServer() }
        return true
    }

    func attemptDidEnd(_ attempt: TunnelAttempt) {
        self.attempts.removeAll { $0 === attempt }
        self.core.giveBackVhost(of: self.handshake?.context)
        if attempt === self.winner {
            self.wsi = nil
            self.handshake?.forget()
            self.proxyExchange?.end()
            self.streamDidEnd(attempt)
            // Each of the two holds the other.
            self.winner = nil
        } else if let closure {
            if self.attempts.isEmpty { self.finish(closure) }
        } else if self.winner == nil, let action = self.race?.attemptFailed() {
            let words = attempt.failure ?? "no connection"
            self.unreached.append(self.request.endpoint.unixPath == nil ? "\(attempt.address): \(words)" : words)
            self.step(action)
        }
    }

    private func streamDidEnd(_ attempt: TunnelAttempt) {
        if self.failure == nil { self.failure = self.handshake?.alertText ?? attempt.failure }
        switch self.state {
        case .connecting:
            if let closure { self.finish(closure) } else { self.fail(self.openingError(attempt)) }
        case .open:
            self.finish(self.closure ?? .peer(self.endOfStream))
        case .refused:
            self.finish(self.closure ?? .refused(bodyPrefix: self.bodyPrefix))
        case .resolving, .closed:
            break
        }
    }
}
