internal import LWSTransport
internal import Logging
internal import WebSocketCore

// Transports, up and down.
extension ClientEngine {
    /// The user connects.
    func connect() async throws {
        if let ending { throw ending }
        do {
            try self.step(.connectRequested) { try $0.connectRequested() }
        } catch {
            self.emit(.transitionRefused(from: self.machine.state.status, to: .connecting))
            throw error
        }
        do {
            try await self.connectWaiters.wait(on: self.loop)
        } catch is CancellationError {
            self.released()
            throw CancellationError()
        }
    }

    func open(_ stream: StreamRef) {
        if stream.generation > 1 || self.lastLoss != nil {
            self.logger.debug("client connects again", metadata: ["stream": "\(stream)"])
        }
        self.begin(stream, self.url, self.configuration.webSocket)
    }

    /// Opens a transport for a stream. What becomes of it is told by its follower, and by the task's end.
    private func begin(_ stream: StreamRef, _ url: WebSocketURL, _ configuration: WebSocketConfiguration) {
        let follower = ClientStream(stream, engine: self)
        // Late events of a stream that has been given up are known by its name, which is not in `live` any more.
        let monitor = TransportMonitor()
        var live = Live(
            follower: follower,
            monitor: monitor,
            path: url.target,
            began: self.loop.now
        )
        let opening = Opening(
            configuration: configuration,
            transport: self.transport,
            onMessage: nil,
            client: follower
        )
        live.opening = self.task { engine in
            do {
                _ = try await opening.run(url)
            } catch {
                engine.openingFailed(stream, error)
            }
        }
        self.live[stream] = live
        if stream == self.machine.stream {
            self.machine.update { state in
                state.updateTransportID(.make())
                state.updateTransportMonitor(monitor)
            }
        }
    }

    /// TCP, proxy and TLS are done; the request is about to go.
    func transportUp(_ stream: StreamRef) {
        guard let live = self.live[stream], live.up == nil else { return }
        let now = self.loop.now
        self.live[stream]?.up = now
        let state = self.machine.state
        self.measure(
            .connectionOpened(stream, host: state.host, port: state.port, duration: now - live.began)
        )
        guard stream == self.machine.stream else { return }
        let before = state.status
        self.machine.transportUp(stream)
        self.noteStatus(from: before, .transportUp)
        self.emit(.connectionUp)
    }

    /// The upgrade was accepted. Called before anything is read.
    func opened(_ stream: StreamRef, _ outcome: Opening.Outcome) {
        guard var live = self.live[stream] else { return outcome.connection.signal(.abort) }
        let now = self.loop.now
        let socket = WebSocket(outcome)
        live.socket = socket
        live.opened = now
        let waiter = live.waiter.take()
        self.live[stream] = live
        self.measure(.upgraded(stream, headers: socket.responseHeaders, duration: now - (live.up ?? live.began)))
        let data = StreamInfo.Data(path: live.path, subprotocol: socket.subprotocol)
        if stream == self.machine.stream {
            self.step(.upgradeAccepted) { $0.upgradeAccepted(stream, data: data, now: now) }
        } else if self.machine.streamAccepted(stream, data: data) {
            self.emit(.upgraded(stream, headers: socket.responseHeaders))
            waiter?.resume(returning: stream)
        } else {
            outcome.connection.signal(.abort)
            waiter?.resume(throwing: CancellationError())
        }
    }

    private func openingFailed(_ stream: StreamRef, _ error: any Error) {
        guard let live = self.live[stream], live.socket == nil else { return }
        // It is cancelled by this side only, which knows why.
        guard let failure = error as? WebSocketError else { return self.lost(stream, .local) }
        if let handshake = failure.handshake {
            if stream != self.machine.stream { self.machine.responseReceived(stream, status: handshake.status) }
            self.emit(.refused(stream, handshake))
        }
        self.lost(stream, .failed(failure))
    }

    // MARK: Down

    /// Nothing that is sent on the stream from now on will go out.
    func willEnd(_ stream: StreamRef) {
        guard self.live[stream] != nil else { return }
        if stream == self.machine.stream { self.closeRoute() }
        self.machine.closeSeen(stream)
    }

    /// The transport of an open stream has ended.
    func ended(_ stream: StreamRef, _ info: WebSocketCloseInfo, _ end: InboundQueue.End) {
        // A redirection's connection has ended without having been open; the opening goes on.
        guard self.live[stream]?.socket != nil else { return }
        switch end {
        case .finished where info.initiator == .local && stream != self.machine.stream: self.lost(stream, .local)
        case .failed(let error) where info.initiator != .peer: self.lost(stream, .failed(error))
        case .failed, .finished: self.lost(stream, .closed(info))
        }
    }

    /// A stream's transport is gone, or is given up: everything that still comes of it is ignored.
    func lost(_ stream: StreamRef, _ reason: DisconnectReason) {
        guard let live = self.live.removeValue(forKey: stream) else { return }
        live.monitor.cancel()
        let now = self.loop.now
        let state = self.machine.state
        // Who closes has ended it, however the peer's side of that went.
        let told = stream == self.machine.stream && self.machine.isClosing ? .local : reason
        self.measure(
            .connectionClosed(
                stream,
                host: state.host,
                port: state.port,
                reason: told,
                duration: live.up.map { now - $0 }
            )
        )
        guard stream == self.machine.stream else { return self.furtherLost(stream, live, reason) }
        self.closeRoute()
        self.lastLoss = reason
        self.restoration?.cancel()
        self.restoration = nil
        self.failExchanges(reason)
        self.emit(.connectionDown(told))
        if case .failed(let error) = reason, !self.machine.isClosing { self.report(error, on: stream) }
        // A handler or listener may have ended it all.
        guard self.ending == nil else { return }
        let stability = self.machine.handlers.error?.stabilityPeriod ?? .seconds(30)
        self.step(.transportLost, reason.metadata(stream)) {
            $0.transportLost(stream, reason: reason, now: now, stability: stability)
        }
    }

    /// Ends a transport now.
    func abort(_ stream: StreamRef) {
        guard let live = self.live[stream] else { return }
        if let socket = live.socket { socket.abort() } else { live.opening?.cancel() }
    }

    /// Gives a transport up, for a reason that is not the transport's own.
    func giveUp(_ stream: StreamRef, _ error: WebSocketError) {
        self.abort(stream)
        self.lost(stream, .failed(error))
    }

    // MARK: Further streams

    /// Opens another stream to the same peer.
    func upgrade(path: String, headers: HTTPFields) async throws -> StreamRef {
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.dropFirst().first != UInt8(ascii: "/") else {
            throw WebSocketError(
                .invalidURL,
                "the path of a further stream is \"\(path.prefix(100))\"; it must begin with one \"/\""
            )
        }
        let url = try self.url.resolving(path)
        var configuration = self.configuration.webSocket
        for field in headers { configuration.headers.append(name: field.name, value: field.value) }
        if let ending { throw ending }
        let stream = try self.machine.streamRequested()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.begin(stream, url, configuration)
                self.live[stream]?.waiter = continuation
                if Task.isCancelled { self.cancelUpgrade(stream) }
            }
        } onCancel: {
            self.task { $0.cancelUpgrade(stream) }
        }
    }

    private func cancelUpgrade(_ stream: StreamRef) {
        guard let waiter = self.live[stream]?.waiter.take() else { return }
        self.abort(stream)
        waiter.resume(throwing: CancellationError())
    }

    private func furtherLost(_ stream: StreamRef, _ live: Live, _ reason: DisconnectReason) {
        _ = self.machine.streamLost(stream)
        var error = WebSocketError(.connectionClosed, "\(stream) has ended")
        switch reason {
        case .local: error = reason.terminalError
        case .closed(let info): error.close = info
        case .failed(let failure): error = failure
        }
        live.waiter?.resume(throwing: error)
        if live.opened != nil { self.emit(.streamEnded(stream, reason)) }
        if case .failed(let failure) = reason { self.report(failure, on: stream) }
    }
}

extension DisconnectReason {
    /// What the history keeps of it.
    fileprivate func metadata(_ stream: StreamRef) -> ConnectionHistory.Metadata {
        switch self {
        case .local: .init(stream: stream)
        case .closed(let info): .init(stream: stream, closeCode: info.code)
        case .failed(let error):
            .init(
                stream: stream,
                error: error.code,
                httpStatus: error.handshake?.status,
                closeCode: error.close?.code
            )
        }
    }
}
