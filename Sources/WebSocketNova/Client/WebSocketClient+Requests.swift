internal import WebSocketCore

// Requests, authentication and subscriptions: what has an answer.
extension WebSocketClient {
    /// Sends a request and waits for the answer that has the same id.
    ///
    /// ```swift
    /// let reply = try await client.request(.json(["id": 7, "method": "public/test"]), correlatedBy: \.id)
    /// ```
    ///
    /// Any number of requests may wait at the same time, up to ``ClientConfiguration/pendingRequests``. An answer that comes
    /// after the timeout, or the cancellation, is known by its id and goes to nobody.
    ///
    /// - Parameters:
    ///   - message: what to send.
    ///   - id: where in a request, and in the answer to it, its id stands.
    ///   - timeout: how long to wait, for a connection too. Default: ``ClientConfiguration/requestTimeout``.
    /// - Returns: the answer, whatever it says.
    /// - Throws: `invalid_message` if the request has no such id, or another one with it waits; `timed_out`;
    ///   `connection_closed` if the connection is lost while it waits; `too_many_requests`; `rate_limit_exceeded`;
    ///   `CancellationError`.
    public func request(
        _ message: OutgoingMessage,
        correlatedBy id: any KeyPath<JSONValue, JSONValue?> & Sendable,
        timeout: Duration? = nil
    ) async throws -> ReceivedMessage {
        // Null is what JSON-RPC says in place of an id that it does not know.
        guard case .json(let value) = message, let value = value[keyPath: id], value != .null else {
            throw WebSocketError(.invalidMessage, "the request has no id where one was said to be")
        }
        return try await self.engine.request(message, .id(id, value), timeout: try self.checked(timeout))
    }

    /// Sends a request and waits for the first message that a function takes for the answer.
    ///
    /// Of several requests that wait, the oldest is asked first, and an answer goes to one of them.
    ///
    /// - Parameters:
    ///   - message: what to send.
    ///   - timeout: how long to wait, for a connection too. Default: ``ClientConfiguration/requestTimeout``.
    ///   - matches: looks at each message that comes; called on the event loop. What it throws is thrown here.
    /// - Throws: see ``request(_:correlatedBy:timeout:)``; what `matches` throws.
    public func request(
        _ message: OutgoingMessage,
        timeout: Duration? = nil,
        matching matches: @escaping @Sendable (ReceivedMessage) throws -> RequestMatch
    ) async throws -> ReceivedMessage {
        try await self.engine.request(message, .matcher(matches), timeout: try self.checked(timeout))
    }

    private func checked(_ timeout: Duration?) throws(WebSocketError) -> Duration {
        guard let timeout else { return self.engine.configuration.requestTimeout }
        try WebSocketConfiguration.check("timeout", timeout)
        return timeout
    }

    /// Authenticates, as the auth handler does it, and again before the authentication ends and after each reconnection.
    ///
    /// Several calls at the same time share one request.
    ///
    /// - Throws: `missing_credentials`; `authentication_failed` with the peer's reason; `timed_out` after
    ///   ``ClientConfiguration/requestTimeout``; `not_connected`; `connection_closed`; `CancellationError`.
    public func authenticate() async throws { try await self.engine.authenticate() }

    /// Subscribes to a channel, as the subscription handler does it, and again after each reconnection.
    ///
    /// Several subscriptions to one channel with the same parameters share one with the peer. Other parameters take the
    /// place of those before, for all of them.
    ///
    /// - Parameters:
    ///   - channel: the channel's name, in the service's language.
    ///   - parameters: what the service wants to know beside the name. Default: nothing.
    ///   - buffering: what happens to messages that are not read as fast as they come. Default: they wait.
    /// - Returns: the channel's news, from the request on: a peer may send some before it confirms.
    /// - Throws: `subscription_failed` with the peer's reason; `timed_out` after ``ClientConfiguration/requestTimeout``;
    ///   what ended the client; `CancellationError`.
    public func subscribe(
        to channel: String,
        parameters: JSONValue = .null,
        buffering: Subscription.Buffering = .holdBack
    ) async throws -> Subscription {
        let sink = try await self.engine.subscribe(to: channel, parameters: parameters, buffering: buffering)
        return Subscription(sink, channel: channel, client: self)
    }

    /// Ends the subscriptions to a channel: their sequences end, and the peer is told, as soon as the rate limiter allows.
    ///
    /// Whoever waits for a subscription to the channel gets `subscription_failed`. Without a connection there is nobody to
    /// tell: the channel is not restored.
    ///
    /// - Throws: `subscription_failed` if there is none; `rate_limit_exceeded`, and then the peer is not told.
    public func unsubscribe(from channel: String) async throws {
        try await self.engine.unsubscribe(from: channel)
    }
}
