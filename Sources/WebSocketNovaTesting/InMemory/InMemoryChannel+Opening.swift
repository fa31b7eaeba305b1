import WebSocketCore

// The phases before the upgrade, which take no time unless the network is told to take some.
extension InMemoryChannel {
    func beginOpening() {
        guard self.hub.add(self) else {
            self.shutDown()
            return
        }
        self.phases = [.resolve, .connect]
        if self.request.proxy != nil { self.phases.append(.proxy) }
        if self.request.tls != nil { self.phases.append(.tls) }
        self.phases.append(.upgrade)
        self.enterNextPhase()
    }

    private func enterNextPhase() {
        guard self.state == .opening else { return }
        guard !self.phases.isEmpty else {
            self.state = .offered
            self.hub.offer(self)
            return
        }
        let phase = self.phases.removeFirst()
        self.delegate?.channelDidEnter(phase)
        // It may have ended the channel meanwhile.
        guard self.state == .opening else { return }
        let delay = self.hub.delay(in: phase)
        guard delay > .zero else {
            self.end(phase)
            return
        }
        self.phaseTimer = self.loop.schedule(at: self.loop.now + delay) { [weak self] in
            self?.phaseTimer = nil
            self?.end(phase)
        }
    }

    private func end(_ phase: TransportPhase) {
        if let error = self.hub.refusal, self.phase(of: error) == phase {
            self.finish(.failed(error))
        } else {
            self.enterNextPhase()
        }
    }

    /// The phase in which an error of the opening comes up.
    private func phase(of error: WebSocketError) -> TransportPhase {
        switch error.code {
        case .resolveFailed: .resolve
        case .proxyFailed, .proxyRefused: self.request.proxy == nil ? .connect : .proxy
        case .tlsFailed: self.request.tls == nil ? .connect : .tls
        case .connectFailed: .connect
        default: .upgrade
        }
    }
}
