internal import LWSTransport
internal import Synchronization
internal import WebSocketCore

/// A channel that somebody has subscribed to.
struct Channel {
    var parameters: JSONValue
    /// The handler's name for the subscription that was asked for last.
    var subscription: SubscriptionID
    var isConfirmed = false
    var sinks: [SubscriptionSink] = []
    /// Those who wait for the peer to confirm it.
    let waiters = WaiterList<Void>()
    /// Since when it is being restored.
    var restoring: Duration?
    /// The handler knew of it before anybody had subscribed: it stays also while nobody listens.
    var isKept = false
}

extension ClientEngine {
    // MARK: Asking

    /// Subscribes to a channel, or joins those who have.
    func subscribe(
        to channel: String,
        parameters: JSONValue,
        buffering: Subscription.Buffering
    ) async throws -> SubscriptionSink {
        let timeout = self.configuration.requestTimeout
        let limit = (
            time: self.loop.now + timeout,
            error: WebSocketError(.timedOut, "channel \"\(channel.prefix(100))\" was not confirmed within \(timeout)")
        )
        let queue = ListenerQueue<Subscription.Update>(
            limit: self.configuration.listenerBuffer,
            takesAll: buffering == .holdBack
        ) { [weak self] in
            self?.signal(.listenerHasRoom)
        }
        let sink = SubscriptionSink(queue, buffering)
        if self.channels[channel]?.parameters != parameters {
            let socket = try await self.admit(.subscription, limit: limit)
            // Somebody may have asked for the same while this waited.
            if self.channels[channel]?.parameters != parameters { try self.ask(for: channel, parameters, on: socket) }
        }
        self.channels[channel]?.sinks.append(sink)
        guard let asked = self.channels[channel], !asked.isConfirmed else { return sink }
        do {
            try await asked.waiters.wait(on: self.loop, limit: limit)
            return sink
        } catch {
            queue.abandon()
            self.pruneSubscriptions()
            throw error
        }
    }

    /// Asks the peer for a channel. Its answer is waited for by others.
    private func ask(for channel: String, _ parameters: JSONValue, on socket: WebSocket) throws {
        let now = self.loop.now
        let id: SubscriptionID
        let frame: WebSocketFrame
        do {
            guard
                let asked = try self.tryCall(
                    \.subscription,
                    { try $0.subscribe(to: channel, parameters: parameters, now: now) }
                )
            else { throw WebSocketError(.subscriptionFailed, "there is no subscription handler") }
            id = asked.id
            frame = try self.encode(asked.request)
        } catch {
            throw self.describe(error, of: \.subscription)
        }
        var entry = self.channels[channel] ?? Channel(parameters: parameters, subscription: id)
        entry.parameters = parameters
        entry.subscription = id
        entry.isConfirmed = false
        do {
            try self.transmit(frame, on: socket)
            self.setChannel(channel, entry)
        } catch {
            self.call(\.subscription, on: nil) { _ = try $0.unsubscribe(from: id, now: now) }
            throw error
        }
    }

    private func setChannel(_ name: String, _ channel: Channel?) {
        if let before = self.channels[name] { self.channelNames[before.subscription] = nil }
        self.channels[name] = channel
        if let channel { self.channelNames[channel.subscription] = name }
    }

    /// Ends all subscriptions to a channel.
    func unsubscribe(from channel: String) async throws {
        guard let entry = self.channels[channel] else {
            throw WebSocketError(.subscriptionFailed, "there is no subscription to \"\(channel.prefix(100))\"")
        }
        self.setChannel(channel, nil)
        for sink in entry.sinks { sink.queue.finish() }
        entry.waiters.resumeAll(with: .failure(CancellationError()))
        // One of them may have held back the connection.
        self.resumeReading()
        try await self.leave(entry)
    }

    /// Tells the handler that a subscription is over, and the peer, if there is a connection.
    private func leave(_ entry: Channel) async throws {
        let now = self.loop.now
        let request: OutgoingMessage?
        do {
            request =
                try self.tryCall(\.subscription, { try $0.unsubscribe(from: entry.subscription, now: now) }) ?? nil
        } catch {
            throw self.describe(error, of: \.subscription)
        }
        self.resumeRestorationIfDone()
        // Without a connection there is nothing to tell: it is not restored.
        guard let request, self.shared.state.withLock({ $0.route }) != nil else { return }
        let frame = try self.encode(request)
        try await self.passLimiter(.subscription)
        guard let socket = self.shared.state.withLock({ $0.route }) else { return }
        try self.transmit(frame, on: socket)
    }

    /// Ends the subscriptions of channels that nobody listens to any more.
    func pruneSubscriptions() {
        for (name, channel) in self.channels {
            let sinks = channel.sinks.filter { !$0.queue.isOver }
            self.channels[name]?.sinks = sinks
            guard sinks.isEmpty, channel.waiters.isEmpty, !channel.isKept else { continue }
            self.setChannel(name, nil)
            Task {
                do {
                    try await self.leave(channel)
                } catch {
                    self.report(self.describe(error, of: \.subscription), on: nil)
                }
            }
        }
        // One that held back the connection may have been among them.
        self.resumeReading()
    }

    // MARK: Hearing

    /// Whether a message concerns a subscription.
    func concernsSubscription(_ message: ReceivedMessage) -> Bool {
        guard !self.channels.isEmpty else { return false }
        let now = self.loop.now
        switch self.call(\.subscription, on: message.stream, { try $0.handleResponse(message.json, now: now) }) {
        case .unrelated, nil:
            return false
        case .confirmed(let id):
            self.settle(id, failure: nil)
        case .failed(let id, let reason):
            self.settle(id, failure: WebSocketError(.subscriptionFailed, "the peer refuses: \(reason)"))
        case .data(let name, let value):
            guard let channel = self.channels[name] else { return false }
            var message = message
            message.json = value
            for sink in channel.sinks { sink.receive(message) }
        }
        return true
    }

    private func settle(_ id: SubscriptionID, failure: WebSocketError?) {
        guard let name = self.channelNames[id], var channel = self.channels[name] else { return }
        let restoring = channel.restoring.take()
        channel.isConfirmed = failure == nil
        self.setChannel(name, failure == nil ? channel : nil)
        if let restoring {
            self.restored(name, id, since: restoring, failure)
        }
        if let failure {
            for sink in channel.sinks { sink.queue.finish(failure) }
            channel.waiters.resumeAll(with: .failure(failure))
            self.resumeReading()
        } else {
            channel.waiters.resumeAll(with: .success(()))
        }
        self.resumeRestorationIfDone()
    }

    // MARK: Restoring

    /// Asks again for everything that was asked for before, in the same order, and waits for the answers.
    func restoreSubscriptions(_ requests: [SubscriptionRequest], on stream: StreamRef) async throws {
        guard !requests.isEmpty else { return }
        self.call(\.subscription, on: stream) { $0.prepareForReconnection() }
        for name in self.channels.keys { self.channels[name]?.isConfirmed = false }
        let unknown = Set(requests.map(\.channel)).subtracting(self.channels.keys)
        for request in requests {
            try await self.passLimiter(.subscription)
            guard let socket = self.live[stream]?.socket else {
                throw WebSocketError(.streamNotFound, "\(stream) was lost while its subscriptions were restored")
            }
            // The user may have unsubscribed while this waited.
            guard self.channels[request.channel] != nil || unknown.contains(request.channel) else { continue }
            try self.ask(for: request.channel, request.parameters, on: socket)
            self.channels[request.channel]?.restoring = self.loop.now
            if unknown.contains(request.channel) { self.channels[request.channel]?.isKept = true }
        }
        let timeout = self.configuration.requestTimeout
        let late = WebSocketError(.timedOut, "subscriptions were not restored within \(timeout)")
        guard self.channels.values.contains(where: { $0.restoring != nil }) else { return }
        do {
            try await self.restoringWaiters.wait(on: self.loop, limit: (self.loop.now + timeout, late))
        } catch let error as WebSocketError where error.code == .timedOut {
            self.failRestoration(late)
        }
    }

    /// What the peer has not answered is given up; the rest stands.
    private func failRestoration(_ error: WebSocketError) {
        for channel in self.channels.values where channel.restoring != nil {
            let id = channel.subscription
            let now = self.loop.now
            self.settle(id, failure: error)
            self.call(\.subscription, on: nil) { _ = try $0.unsubscribe(from: id, now: now) }
        }
    }

    private func resumeRestorationIfDone() {
        guard !self.channels.values.contains(where: { $0.restoring != nil }) else { return }
        self.restoringWaiters.resumeAll(with: .success(()))
    }

    private func restored(_ name: String, _ id: SubscriptionID, since begin: Duration, _ failure: WebSocketError?) {
        self.emit(.subscriptionRestored(channel: name, failure: failure))
        self.measure(
            .subscriptionRestored(self.id, id, channel: name, duration: self.loop.now - begin, failure: failure)
        )
    }

    // MARK: The end

    func endSubscriptions(_ error: WebSocketError, isLocal: Bool) {
        for channel in self.channels.values {
            channel.waiters.resumeAll(with: .failure(error))
            for sink in channel.sinks { sink.queue.finish(isLocal ? nil : error) }
        }
        self.channels = [:]
        self.channelNames = [:]
    }
}
