internal import LWSTransport
internal import Logging
internal import Synchronization
internal import WebSocketCore

// Closing, and the end.
extension ClientEngine {
    /// The user closes, and waits for the end.
    func close(_ frame: CloseFrame) async throws -> DisconnectReason {
        try self.close(self.machine.stream, frame)
        if let end = self.shared.state.withLock({ $0.end }) { return end }
        return try await self.endWaiters.wait(on: self.loop)
    }

    /// Waits for the end, whoever brings it about.
    func waitUntilEnded() async throws -> DisconnectReason {
        if let end = self.shared.state.withLock({ $0.end }) { return end }
        return try await self.endWaiters.wait(on: self.loop)
    }

    /// Closes a stream: with the main one, everything.
    func close(_ stream: StreamRef, _ frame: CloseFrame) throws(WebSocketError) {
        guard stream != self.machine.stream else {
            self.closeFrame = self.closeFrame ?? frame
            return self.step(.closeRequested) { $0.closeRequested() }
        }
        try self.machine.checkSendable(on: stream)
        self.machine.closeSeen(stream)
        self.beginClosing(stream, frame)
    }

    /// Sends the Close frame of the main stream, and those of the others.
    func sendClose(on stream: StreamRef) {
        self.closeRoute()
        let frame = self.closeFrame ?? Connection.normalClosure
        for other in self.live.keys where other != stream { self.beginClosing(other, Connection.goingAway) }
        self.beginClosing(stream, frame)
    }

    private func beginClosing(_ stream: StreamRef, _ frame: CloseFrame) {
        guard let live = self.live[stream] else { return }
        guard let socket = live.socket else { return self.abort(stream) }
        let connection = socket.connection
        self.task { _ in await connection.beginClosing(frame) }
    }

    /// Nobody holds the client any more.
    func released() {
        guard self.ending == nil else { return }
        self.logger.debug("a client was released; it closes with 1001")
        self.closeFrame = self.closeFrame ?? Connection.goingAway
        self.step(.closeRequested) { $0.closeRequested() }
    }

    /// Ends the client for good, with an error that says why.
    func stop(_ error: WebSocketError) {
        self.step(.stopRequested) { $0.stopRequested(error) }
    }

    /// It is over.
    func finish(_ reason: DisconnectReason) {
        guard self.ending == nil else { return }
        let error = reason.terminalError
        self.ending = error
        self.cancel(&self.reconnectTimer)
        self.cancel(&self.limiterTimer)
        self.restoration?.cancel()
        self.restoration = nil
        self.closeRoute()
        self.endStreams(reason)
        self.failExchanges(reason)
        self.endSubscriptions(error, isLocal: reason == .local)
        self.failWaitingSends(error)
        // Of a loss that a handler has made the end it has not been told.
        if reason == .local || self.owesDisconnect {
            self.owesDisconnect = false
            self.call(\.connection, on: nil) { _ = try $0.handleDisconnect(reason) }
        }
        self.countSent()
        self.machine.update { state in
            state.updateTransportID(nil)
            state.updateTransportMonitor(nil)
        }
        self.emit(.ended(reason))
        self.hasToldEnd = true
        // What a listener or frame handler holds may hold the client.
        self.listeners = []
        self.machine.update { $0.updateListener(nil) }
        self.frameHandlers = FrameHandlers()
        self.shared.state.withLock { state in
            state.end = reason
            state.status = self.machine.state.status
        }
        self.eventQueues.finish()
        self.readers.finish(reason == .local ? .finished : .failed(error))
        WebSocketClient.registry.unregister(self.id)
        self.connectWaiters.resumeAll(with: .failure(error))
        self.endWaiters.resumeAll(with: .success(reason))
    }

    /// What is still there is ended, and not listened to any more.
    private func endStreams(_ reason: DisconnectReason) {
        let rest = self.live.sorted { $0.key.generation < $1.key.generation }
        for (stream, _) in rest { self.abort(stream) }
        self.live = [:]
        let (state, now) = (self.machine.state, self.loop.now)
        for (stream, live) in rest {
            live.monitor.cancel()
            self.measure(
                .connectionClosed(
                    stream,
                    host: state.host,
                    port: state.port,
                    reason: reason,
                    duration: live.up.map { now - $0 }
                )
            )
            live.waiter?.resume(throwing: reason.terminalError)
            if stream == self.machine.stream {
                self.emit(.connectionDown(reason))
            } else if live.opened != nil {
                self.emit(.streamEnded(stream, reason))
            }
        }
    }
}

extension Connection {
    /// 1000 is sendable, and there is no reason text to be too long.
    static let normalClosure = (try? CloseFrame(code: .normalClosure)) ?? .withoutCode
}

extension DisconnectReason {
    /// What whoever waits for something, or comes later, is told.
    var terminalError: WebSocketError {
        switch self {
        case .local:
            WebSocketError(.connectionClosed, "the client was closed")
        case .closed(let info):
            WebSocketError(.connectionClosed, "the connection has ended, and is not opened again", close: info)
        case .failed(let error):
            error
        }
    }
}
