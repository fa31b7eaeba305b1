internal import LWSTransport
internal import Synchronization
internal import WebSocketCore

/// A channel that somebody has subscribed to.
struct Channel {
    var parameters: JSONValue
    /// The handler's name for the subscription that was asked for last.
    var subscription: SubscriptionID
    /// Where it was asked for last.
    var stream: StreamRef
    var isConfirmed = false
    var sinks: [SubscriptionSink] = []
    /// Those who wait for the peer to confirm it.
    let waiters = WaiterList<Void>()
    /// Since when it is being restored.
    var restoring: Duration?
    /// How often it has been asked for again since it was last confirmed.
    var repetitions = 0
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
        do {
            if self.channels[channel]?.parameters == parameters {
                self.channels[channel]?.sinks.append(sink)
            } else {
                try await self.ask(for: channel, parameters, on: sink, limit)
            }
            if let asked = self.channels[channel], !asked.isConfirmed {
                try await asked.waiters.wait(on: self.loop, limit: limit)
            }
            return sink
        } catch {
            queue.abandon()
            self.pruneSubscriptions()
            throw error
        }
    }

    /// Asks the peer for a channel, unless somebody else does so first, and has the sink hear of it. The peer's answer is
    /// waited for by others.
    private func ask(
        for channel: String,
        _ parameters: JSONValue,
        on sink: SubscriptionSink,
        _ limit: Limit
    ) async throws {
        // So long those who have it already keep it, also if they go now: the end of one must not be sent behind the
        // beginning of the next.
        self.askers[channel, default: 0] += 1
        defer {
            self.askers[channel, default: 0] -= 1
            if self.askers[channel] == 0 { self.askers[channel] = nil }
        }
        _ = try await self.admit(.subscription, limit: limit)
        if self.channels[channel]?.parameters != parameters {
            try self.ask(for: channel, parameters, on: self.machine.stream)
        }
        // Here, and not where this returns to: a channel that nobody hears of may be left in between.
        self.channels[channel]?.sinks.append(sink)
    }

    private func ask(for channel: String, _ parameters: JSONValue, on stream: StreamRef) throws {
        let now = self.loop.now
        let asked: (id: SubscriptionID, request: OutgoingMessage)
        do {
            let answer = try self.tryCall(\.subscription) {
                try $0.subscribe(to: channel, parameters: parameters, now: now)
            }
            guard let answer else { throw WebSocketError(.subscriptionFailed, "there is no subscription handler") }
            asked = answer
        } catch {
            throw self.describe(error, of: \.subscription)
        }
        var entry = self.channels[channel] ?? Channel(parameters: parameters, subscription: asked.id, stream: stream)
        entry.parameters = parameters
        entry.subscription = asked.id
        entry.stream = stream
        entry.isConfirmed = false
        do {
            try self.transmit(try self.encode(asked.request), on: stream)
        } catch let error as WebSocketError where error.saysStreamIsGone {
            // On the next connection it is asked for like all the others.
        } catch {
            self.call(\.subscription, on: nil) { _ = try $0.unsubscribe(from: asked.id, now: now) }
            self.drop(channel, self.describe(error, of: \.subscription))
            throw error
        }
        self.setChannel(channel, entry)
    }

    private func setChannel(_ name: String, _ channel: Channel?) {
        if let before = self.channels[name] { self.channelNames[before.subscription] = nil }
        self.channels[name] = channel
        if let channel { self.channelNames[channel.subscription] = name }
    }

    /// Ends what there is of a channel, for all who listen to it or wait for it.
    private func drop(_ name: String, _ error: WebSocketError?) {
        guard let channel = self.channels[name] else { return }
        self.setChannel(name, nil)
        for sink in channel.sinks { sink.queue.finish(error) }
        let words = "unsubscribed from \"\(name.prefix(100))\" while it waited"
        channel.waiters.resumeAll(with: .failure(error ?? WebSocketError(.subscriptionFailed, words)))
        // One of them may have held back the connection.
        self.resumeReading()
    }

    // MARK: Leaving

    /// Ends all subscriptions to a channel.
    func unsubscribe(from name: String) throws {
        guard let channel = self.channels[name] else {
            throw WebSocketError(.subscriptionFailed, "there is no subscription to \"\(name.prefix(100))\"")
        }
        self.drop(name, nil)
        try self.leave(name, channel)
    }

    /// Tells the handler that a subscription is over, and the peer, if it was asked for on the present connection.
    private func leave(_ name: String, _ channel: Channel) throws {
        let hasRoute = self.shared.state.withLock { $0.route != nil }
        if !hasRoute { self.leftChannels.insert(name) }
        self.resumeRestorationIfDone()
        let now = self.loop.now
        let request: OutgoingMessage?
        do {
            request =
                try self.tryCall(\.subscription, { try $0.unsubscribe(from: channel.subscription, now: now) }) ?? nil
        } catch {
            throw self.describe(error, of: \.subscription)
        }
        guard let request, channel.stream == self.machine.stream else { return }
        do {
            try self.post(try self.encode(request), .subscription, on: channel.stream)
        } catch let error as WebSocketError where error.saysStreamIsGone {
            // There is nobody to tell: it is not restored.
        }
    }

    /// Ends the subscriptions of channels that nobody listens to any more.
    func pruneSubscriptions() {
        for (name, channel) in self.channels {
            let sinks = channel.sinks.filter { !$0.queue.isOver }
            self.channels[name]?.sinks = sinks
            let isWanted = !sinks.isEmpty || !channel.waiters.isEmpty || channel.isKept || self.askers[name] != nil
            guard !isWanted else { continue }
            self.drop(name, nil)
            do {
                try self.leave(name, channel)
            } catch {
                self.report(self.describe(error, of: \.subscription), on: nil)
            }
        }
        // One that held back the connection may have been among those that are gone.
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
        case .unauthenticated(let id):
            self.authenticateAndAsk(id, on: message.stream)
        case .data(let name, let value):
            guard let channel = self.channels[name] else { return false }
            let message = message.taking(value)
            for sink in channel.sinks { sink.receive(message) }
        }
        return true
    }

    /// How often a channel is asked for again, on one connection, because the authentication had ended.
    private static let maximumRepetitions = 3

    /// The authentication has ended before the peer had seen the request, which says nothing against the channel.
    private func authenticateAndAsk(_ id: SubscriptionID, on stream: StreamRef) {
        guard let name = self.channelNames[id], let channel = self.channels[name] else { return }
        guard self.authentication.isWanted, channel.repetitions < Self.maximumRepetitions else {
            return self.settle(
                id,
                failure: WebSocketError(.subscriptionFailed, "the peer does not know who asks for it")
            )
        }
        self.channels[name]?.repetitions += 1
        self.task { engine in
            do {
                try await engine.authenticateNow(on: stream, priority: .restoration)
                guard engine.channelNames[id] == name else { return }
                try engine.ask(for: name, channel.parameters, on: stream)
            } catch {
                // What is lost with its connection is restored on the next.
                guard engine.live[stream] != nil else { return }
                engine.settle(id, failure: engine.describe(error, of: \.auth))
            }
        }
    }

    private func settle(_ id: SubscriptionID, failure: WebSocketError?) {
        guard let name = self.channelNames[id], var channel = self.channels[name] else { return }
        let restoring = channel.restoring.take()
        channel.isConfirmed = failure == nil
        channel.repetitions = 0
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

    /// What was asked for before, and is to be asked for again.
    func beginRestoring() -> [SubscriptionRequest] {
        self.leftChannels = []
        let requests = self.machine.handlers.subscription?.restorable ?? []
        // Before anything is heard on the new stream: what was asked for on the old one cannot run out of time any more.
        if !requests.isEmpty { self.call(\.subscription, on: nil) { $0.prepareForReconnection() } }
        let restored = Set(requests.map(\.channel))
        for (name, channel) in self.channels {
            self.channels[name]?.isConfirmed = false
            guard channel.isConfirmed, !restored.contains(name) else { continue }
            // Nothing would ever come of it again.
            self.drop(
                name,
                WebSocketError(.subscriptionFailed, "the subscription handler does not restore \"\(name)\"")
            )
        }
        return requests
    }

    /// Asks again for everything that was asked for before, in the same order, and waits for the answers.
    func restoreSubscriptions(_ requests: [SubscriptionRequest], on stream: StreamRef) async throws {
        for request in requests where !self.leftChannels.contains(request.channel) {
            try await self.passLimiter(.subscription, priority: .restoration)
            // While this waited, another stream may have come, whose subscriptions are not to be touched.
            guard self.live[stream] != nil else {
                throw WebSocketError(.streamNotFound, "\(stream) was lost while its subscriptions were restored")
            }
            // The user may have unsubscribed while this waited.
            guard !self.leftChannels.contains(request.channel) else { continue }
            self.restore(request, on: stream)
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

    private func restore(_ request: SubscriptionRequest, on stream: StreamRef) {
        let name = request.channel
        let isKnown = self.channels[name] != nil
        do {
            try self.ask(for: name, request.parameters, on: stream)
            self.channels[name]?.restoring = self.loop.now
            if !isKnown { self.channels[name]?.isKept = true }
        } catch {
            // The others are not to suffer from it.
            let failure = self.describe(error, of: \.subscription)
            self.restored(name, self.channels[name]?.subscription, since: self.loop.now, failure)
            self.drop(name, failure)
        }
    }

    /// What the peer has not answered is given up; the rest stands.
    private func failRestoration(_ error: WebSocketError) {
        for (name, channel) in self.channels where channel.restoring != nil {
            self.settle(channel.subscription, failure: error)
            do {
                try self.leave(name, channel)
            } catch {
                self.report(self.describe(error, of: \.subscription), on: nil)
            }
        }
    }

    private func resumeRestorationIfDone() {
        guard !self.channels.values.contains(where: { $0.restoring != nil }) else { return }
        self.restoringWaiters.resumeAll(with: .success(()))
    }

    private func restored(_ name: String, _ id: SubscriptionID?, since begin: Duration, _ failure: WebSocketError?) {
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
