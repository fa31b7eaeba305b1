internal import Logging
internal import WebSocketCore

// One engine, one timer, one count: whether and when a lost connection is tried again.
extension ClientEngine {
    /// Asks whether to try again: first the connection handler, which is told of the loss, then the error handler.
    ///
    /// - Parameter wanted: the delay of a handler that has given the connection up itself.
    func askPolicy(_ reason: DisconnectReason, attempt: Int, wasStable: Bool, wanted: Duration?) {
        if wasStable { self.call(\.error, on: nil) { $0.resetReconnectionAttempts() } }
        let decision = self.disconnected(reason)
        // The handler may have ended it all in its own way.
        guard self.ending == nil else { return }
        let isAllowed = self.mayReconnect(after: reason)
        switch decision {
        case .stop(let reason):
            return self.stop(WebSocketError(.stoppedByHandler, reason))
        case .close:
            return self.step(.closeRequested) { $0.closeRequested() }
        case .reply, .replyMany:
            self.report(WebSocketError(.notConnected, "a reply to a lost connection"), on: nil)
        case .ok, .reconnect:
            break
        }
        let ownDelay = if case .reconnect(let delay?) = decision { delay } else { wanted }
        guard isAllowed, let delay = ownDelay ?? self.delay(after: reason, attempt: attempt) else {
            return self.step(.gaveUp) { $0.policyDecided(.giveUp) }
        }
        self.step(.retryDecided, .init(attempt: attempt, delay: delay)) { $0.policyDecided(.retry(after: delay)) }
    }

    private func mayReconnect(after reason: DisconnectReason) -> Bool {
        // There is nothing left to connect on, whatever a handler says.
        if case .failed(let error) = reason, error.code == .loopShutDown { return false }
        return switch self.configuration.reconnection {
        case .never: false
        case .onceConnected: self.hasBeenOpen || self.reconnectIsWanted
        case .always: true
        }
    }

    /// Tells the connection handler of a loss, and asks it what follows.
    func disconnected(_ reason: DisconnectReason) -> HandlerDecision {
        var decision = HandlerDecision.ok
        if case .failed(let error) = reason, error.deadline?.kind == .idle {
            decision = self.call(\.connection, on: nil) { try $0.handleTimeout() } ?? .ok
        }
        self.owesDisconnect = false
        let answer = self.call(\.connection, on: nil) { try $0.handleDisconnect(reason) } ?? .ok
        // What it wants of a timeout counts before what it wants of every loss.
        return decision == .ok ? answer : decision
    }

    /// What the error handler says; one that throws is replaced by the default for this time.
    private func delay(after reason: DisconnectReason, attempt: Int) -> Duration? {
        guard self.machine.handlers.error != nil else { return nil }
        let answer: Duration?? = self.call(\.error, on: nil) {
            try $0.reconnectionDelay(after: reason, attempt: attempt)
        }
        if let answer { return answer }
        var standard = DefaultErrorHandler()
        return (try? standard.reconnectionDelay(after: reason, attempt: attempt)) ?? nil
    }

    func armReconnectTimer(_ timer: ConnectionStateMachine.Timer, _ delay: Duration, _ attempt: Int) {
        self.cancel(&self.reconnectTimer)
        self.reconnectTimer = self.schedule(after: delay) { engine in
            engine.reconnectTimer = nil
            engine.step(.timerFired) { $0.timerFired(timer) }
        }
        // Behind it: what comes of that may be the end, which cancels the timer.
        if let lastLoss { self.emit(.reconnecting(attempt: attempt, delay: delay, cause: lastLoss)) }
    }

    // MARK: Up again

    /// The connection is open.
    func announce(_ stream: StreamRef, isReconnection: Bool, attempt: Int, gap: ClientEvent.Gap?) {
        guard let socket = self.live[stream]?.socket else { return }
        self.emit(.upgraded(stream, headers: socket.responseHeaders))
        guard self.live[stream] != nil else { return }
        let state = self.machine.state
        let info = ConnectionInfo(
            connection: self.id,
            stream: stream,
            host: state.host,
            port: state.port,
            path: state.path,
            transport: state.transport,
            subprotocol: socket.subprotocol,
            isReconnection: isReconnection,
            attempt: attempt
        )
        self.owesDisconnect = true
        self.reconnectIsWanted = false
        if let decision = self.call(\.connection, on: stream, { try $0.handleConnect(info) }) {
            self.carryOut(decision, on: stream)
        }
        guard self.live[stream] != nil, !self.machine.isClosing else { return }
        self.restore(stream, gap)
    }
}
