internal import LWSTransport
internal import Logging
internal import WebSocketCore

/// From the user's URL to the open connection: one request, or one after another where redirections are followed.
struct Opening {
    /// What came of it.
    struct Outcome {
        var connection: Connection
        var opened: Connection.Opened
        /// Nil if the messages go to a handler.
        var inbound: InboundQueue?
        /// Where the connection is open to.
        var url: WebSocketURL
    }

    let configuration: WebSocketConfiguration
    let transport: any Transport
    /// Nil if the messages go to a queue.
    var onMessage: WebSocket.MessageHandler?
    /// Set if a client follows the connection.
    var client: ClientStream?

    /// - Throws: ``WebSocketError``; `CancellationError` when the task is cancelled.
    func run(_ url: WebSocketURL) async throws -> Outcome {
        let begin = self.transport.loop.now
        var chain = RedirectChain(
            url: url,
            headers: self.configuration.headers,
            cookies: self.configuration.cookies,
            limit: self.configuration.redirects.limit ?? 0
        )
        while true {
            do {
                return try await self.request(chain, begin: begin)
            } catch let error as WebSocketError {
                guard self.configuration.redirects.leadsOn(error), let answer = error.handshake else {
                    throw chain.explaining(error)
                }
                try chain.redirected(by: answer)
                self.configuration.logger.debug("upgrade redirected", metadata: ["way": "\(chain.way)"])
            }
        }
    }

    /// One request. Each has a connection of its own, and with it a name look-up, TCP and TLS.
    private func request(_ chain: RedirectChain, begin: Duration) async throws -> Outcome {
        let request = try UpgradeRequest(
            url: chain.url,
            subprotocols: self.configuration.subprotocols,
            headers: chain.headers,
            cookies: chain.cookies,
            compression: self.configuration.compression,
            maximumHeadSize: LWSTransport.maximumRequestSize
        )
        let (consumer, inbound) = self.makeConsumer()
        let connection = Connection(
            transport: self.transport,
            request: request,
            configuration: self.configuration(for: chain),
            consumer: consumer,
            openingBegin: begin
        )
        let opened = try await withTaskCancellationHandler {
            try await connection.open()
        } onCancel: {
            connection.signal(.cancelOpening)
        }
        return Outcome(connection: connection, opened: opened, inbound: inbound, url: chain.url)
    }

    private func configuration(for chain: RedirectChain) -> WebSocketConfiguration {
        guard chain.hasLeftOrigin else { return self.configuration }
        var configuration = self.configuration
        // The one is the first origin's name, the other says to it who the user is.
        configuration.tls.serverName = nil
        configuration.tls.clientIdentity = nil
        return configuration
    }

    /// A new one for each request: the end of a connection ends its queue.
    private func makeConsumer() -> (Connection.Consumer, InboundQueue?) {
        if let client { return (.client(client), nil) }
        if let onMessage { return (.handler(onMessage), nil) }
        let queue = InboundQueue(marks: self.configuration.limits.inboundMarks)
        return (.queue(queue), queue)
    }
}

extension RedirectPolicy {
    /// Whether what ended a request is a redirection to be followed.
    func leadsOn(_ error: WebSocketError) -> Bool {
        guard self.limit != nil, error.code == .upgradeRefused, let answer = error.handshake else { return false }
        return RedirectChain.isRedirection(status: answer.status, headers: answer.headers)
    }
}

extension RedirectChain {
    /// The error of a request that the user did not ask for says how it came about.
    fileprivate func explaining(_ error: WebSocketError) -> WebSocketError {
        guard self.count > 0 else { return error }
        var error = error
        error.message += " (after redirections: \(self.way))"
        return error
    }
}
