internal import LWSTransport
internal import Logging
internal import WebSocketCore

// From the call to the open connection.
extension Connection {
    /// Opens the channel and makes the upgrade.
    ///
    /// - Throws: ``WebSocketError``; `CancellationError` after the signal `cancelOpening`.
    func open() async throws -> Opened {
        try await withCheckedThrowingContinuation { continuation in
            self.opening = continuation
            if self.isOpeningCancelled {
                self.failOpening(CancellationError())
                return
            }
            self.armOpenTimer()
            do throws(WebSocketError) {
                guard let plan else {
                    throw WebSocketError(.connectionClosed, "a connection is opened once")
                }
                self.warnIfInsecure(plan)
                self.channel = self.transport.open(try plan.transportRequest(), delegate: self)
            } catch {
                self.failOpening(error)
            }
        }
    }

    private func warnIfInsecure(_ plan: Plan) {
        guard plan.request.url.isSecure, plan.configuration.tls.isUnauthenticated else { return }
        self.logger.warning(
            "the server's certificate is not verified (tls.certificateVerification is none, and there are no pins)",
            metadata: ["url": "\(plan.request.url)"]
        )
    }

    /// The URL while the connection is being opened, for messages.
    var target: String { self.plan.map { "\($0.request.url)" } ?? "the connection" }

    func openingCancelled() {
        self.isOpeningCancelled = true
        guard self.opening != nil else { return }
        self.abandonOpening(CancellationError())
    }

    /// Gives up at once; the channel ends behind the caller's back.
    func abandonOpening(_ error: any Error) {
        self.failOpening(error)
        self.channel?.abort()
    }

    private func failOpening(_ error: any Error) {
        guard let opening = self.opening.take() else { return }
        self.cancelOpeningTimers()
        self.logger.debug(
            "connection not opened",
            metadata: ["url": "\(self.target)", "phase": "\(self.phase.rawValue)", "error": "\(error)"]
        )
        self.plan = nil
        opening.resume(throwing: error)
    }

    private func receivedHead(_ head: HTTPResponseHead) -> Bool {
        guard self.opening != nil, let plan else { return false }
        do throws(WebSocketError) {
            self.upgraded(try UpgradeResponse.validate(head: head, for: plan.request), plan)
            return true
        } catch {
            self.openingFailure = error
            if plan.configuration.redirects.leadsOn(error) {
                // The way goes on elsewhere; the body is not waited for.
                self.failOpening(error)
                self.channel?.close()
            }
            return false
        }
    }

    private func upgraded(_ upgrade: UpgradeResult, _ plan: Plan) {
        let limits = plan.configuration.limits
        self.decoder = InboundDecoder(
            configuration: InboundDecoder.Configuration(
                maximumMessageSize: limits.messageSize,
                maximumFragmentsPerMessage: limits.fragmentsPerMessage
            ),
            inflater: upgrade.deflate?.makeInflater()
        )
        let compression = plan.configuration.compression ?? .defaults
        let outbound = OutboundQueue(
            marks: limits.outboundMarks,
            deflater: upgrade.deflate.flatMap { $0.makeDeflater(compression) },
            compressionThreshold: compression.threshold,
            writer: self.channel?.writer
        )
        self.outbound = outbound
        if case .handler = self.consumer {
            self.loopContext = WebSocket.LoopContext(connection: self, outbound: outbound)
        }
        self.lifecycle.upgradeAccepted()
        self.cancelOpeningTimers()
        self.lastHeard = self.loop.now
        self.startKeepalive()
        self.startIdleTimer()
        self.logger.debug("connection opened", metadata: ["url": "\(plan.request.url)"])
        self.plan = nil
        let opened = Opened(outbound: outbound, upgrade: upgrade)
        // Before anything is read: a first message may have come together with the head.
        if case .client(let client) = self.consumer {
            client.opened(self, opened, plan.request.url)
            // Those who did not keep up with the last connection have room for nothing.
            if client.isHeldBack { self.pauseReading() }
        }
        self.opening.take()?.resume(returning: opened)
    }

    private func channelEnded(_ closure: TransportClosure) {
        self.channel = nil
        guard self.lifecycle.state == .opening else {
            switch closure {
            case .peer(let failure):
                self.transportEnded(failure)
            case .failed(let error):
                self.transportError = error
                self.transportEnded(TransportFailure(.local, error.message))
            case .local, .refused:
                self.transportEnded(nil)
            }
            return
        }
        switch closure {
        case .local:
            // Whoever ended it has told the caller.
            self.failOpening(self.openingFailure ?? CancellationError())
        case .failed(let error):
            self.failOpening(self.openingFailure ?? error)
        case .peer(let failure):
            self.failOpening(self.openingFailure ?? WebSocketError(.transportFailed, failure.message))
        case .refused(let bodyPrefix):
            var failure = self.openingFailure as? WebSocketError
            failure?.handshake?.bodyPrefix = bodyPrefix
            self.failOpening(failure ?? WebSocketError(.upgradeRefused, "the server refused the upgrade"))
        }
        self.transportEnded(nil)
    }
}

extension Connection: TransportDelegate {
    nonisolated func channelDidEnter(_ phase: TransportPhase) {
        self.assumeIsolated { $0.entered(phase) }
    }

    nonisolated func channelWasRefused(_ error: WebSocketError) {
        self.assumeIsolated { $0.openingFailure = error }
    }

    nonisolated func channelDidReceiveHead(_ head: HTTPResponseHead) -> Bool {
        self.assumeIsolated { $0.receivedHead(head) }
    }

    nonisolated func channelIsReadable() {
        self.assumeIsolated {
            $0.noteHeard()
            $0.becameReadable()
            $0.noteData()
        }
    }

    nonisolated func channelIsWritable() {
        self.assumeIsolated { $0.flush() }
    }

    nonisolated func channelDidClose(_ closure: TransportClosure) {
        self.assumeIsolated { $0.channelEnded(closure) }
    }
}

extension Connection.Plan {
    /// What the transport has to know.
    func transportRequest() throws(WebSocketError) -> TransportRequest {
        let url = self.request.url
        let configuration = self.configuration
        return TransportRequest(
            endpoint: url.endpoint,
            proxy: try configuration.proxy.server(for: url, environment: LWSTransport.environment),
            network: configuration.network,
            tls: url.isSecure ? configuration.tls : nil,
            head: self.request.head,
            maximumResponseHeadSize: configuration.limits.responseHeadSize,
            responseHeaderNames: configuration.responseHeaderNames,
            maximumRefusalBodySize: configuration.limits.refusalBodySize
        )
    }
}
