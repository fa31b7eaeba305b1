internal import LWSTransport
internal import Synchronization
internal import WebSocketCore

// What is done with a new connection before users have it: authentication, then subscriptions, in order.
extension ClientEngine {
    func restore(_ stream: StreamRef, _ gap: ClientEvent.Gap?) {
        // Before anything of the new stream: what a subscription that is restored early brings is behind the gap.
        if let gap {
            for sink in self.channels.values.flatMap(\.sinks) { sink.queue.append(.gap(gap), bytes: 0) }
        }
        let authenticates = self.authentication.isWanted || self.configuration.authenticatesOnConnect
        let subscriptions = self.beginRestoring()
        guard authenticates || !subscriptions.isEmpty else { return self.publish(stream, gap) }
        self.restoration = self.task { engine in
            do {
                if authenticates { try await engine.authenticateNow(on: stream, priority: .restoration) }
                try await engine.restoreSubscriptions(subscriptions, on: stream)
                engine.publish(stream, gap)
            } catch {
                engine.restorationFailed(stream, error)
            }
        }
    }

    private func restorationFailed(_ stream: StreamRef, _ error: any Error) {
        // If the stream has been lost meanwhile, or is about to be, that is being dealt with: what follows depends on how it
        // ends, and not on what could not be sent on it any more.
        guard stream == self.machine.stream, self.live[stream] != nil, !self.machine.isClosing,
            self.machine.state.activeStreams[stream]?.status == .websocket
        else { return }
        self.giveUp(
            stream,
            error as? WebSocketError ?? WebSocketError(.handlerFailed, "restoring failed", underlying: error)
        )
    }

    /// Users have the connection.
    private func publish(_ stream: StreamRef, _ gap: ClientEvent.Gap?) {
        guard stream == self.machine.stream, !self.machine.isClosing, let socket = self.live[stream]?.socket else {
            return
        }
        // Whoever connects for the first time has missed nothing.
        let gap = self.hasBeenOpen ? gap : nil
        self.hasBeenOpen = true
        self.machine.restored(stream)
        let isDirect = self.machine.handlers.rateLimit == nil && !self.wants.eachSent
        self.shared.state.withLock { state in
            state.route = socket
            state.isDirect = isDirect
        }
        if let gap {
            let state = self.machine.state
            self.emit(.reconnected(stream, gap: gap))
            self.measure(.reconnected(stream, host: state.host, port: state.port, gap: gap))
        }
        self.connectWaiters.resumeAll(with: .success(()))
        self.routeWaiters.resumeAll(with: .success(socket))
        self.drainLimiter()
    }

    /// Users have no connection any more.
    func closeRoute() {
        self.shared.state.withLock { $0.route = nil }
    }
}
