internal import LWSTransport
internal import Synchronization
internal import WebSocketCore

/// What waits for the leave of the rate limiter.
enum Admission: Sendable {
    /// A task.
    case task(CheckedContinuation<Void, any Error>, id: UInt64)
    /// A handler's reply, or what nobody waits for.
    case frame(WebSocketFrame, StreamRef)
}

/// Classes of requests, as the rate limiter knows them.
enum RequestClass: String, Sendable {
    case query, subscription, auth, reply
}

/// Who goes first past the rate limiter.
enum AdmissionPriority: Int, Sendable {
    /// What users send. While there is no connection for it, it stays where it is.
    case user
    /// Handlers' replies: a peer that asks for a sign of life does not wait for long.
    case reply
    /// What makes a new connection one that users can have.
    case restoration
}

// Past the rate limiter, if there is one: in order, and without overtaking.
extension ClientEngine {
    /// Until when to wait, and the error of those who have waited until then.
    typealias Limit = (time: Duration, error: WebSocketError)

    // MARK: Tasks

    /// Waits for the leave of the rate limiter.
    func passLimiter(
        _ kind: RequestClass,
        priority: AdmissionPriority = .user,
        limit: Limit? = nil
    ) async throws {
        guard self.machine.handlers.rateLimit != nil else { return }
        let id = self.limiter.makeID()
        let timer = limit.map { limit in
            self.loop.schedule(at: limit.time) { [weak self] in
                self?.assumeIsolated { $0.leaveLimiter(id, limit.error) }
            }
        }
        defer { if let timer { self.loop.cancel(timer) } }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                do {
                    let mayGo = try self.submit(.task(continuation, id: id), kind, priority)
                    if mayGo { continuation.resume() }
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            self.task { $0.leaveLimiter(id, CancellationError()) }
        }
    }

    private func leaveLimiter(_ id: UInt64, _ error: any Error) {
        let left = self.limiter.remove { item in
            if case .task(_, let other) = item { other == id } else { false }
        }
        guard case .task(let continuation, _) = left else { return }
        continuation.resume(throwing: error)
        // Those behind it may need less.
        self.drainLimiter()
    }

    // MARK: Frames

    /// Sends a frame that nobody waits for, now or when the limiter allows.
    ///
    /// - Throws: what keeps it from being sent, as far as that is known by now; the rest is reported.
    func post(_ frame: WebSocketFrame, _ kind: RequestClass, on stream: StreamRef) throws(WebSocketError) {
        let priority: AdmissionPriority = kind == .reply ? .reply : .user
        if self.machine.handlers.rateLimit != nil, try !self.submit(.frame(frame, stream), kind, priority) { return }
        try self.transmit(frame, on: stream)
    }

    /// Drops what was to go out on a stream that is lost: it was said to the peer of that one.
    func dropFrames(for lost: StreamRef) {
        self.limiter.removeAll { item in
            if case .frame(_, let stream) = item { stream == lost } else { false }
        }
    }

    // MARK: The limiter

    /// Asks for something.
    ///
    /// - Returns: whether it may go out now. If not, it waits.
    /// - Throws: `rate_limit_exceeded`; what the limiter throws: that is no reason to let everything pass, nor to hold
    ///   everything up, so this one is refused.
    private func submit(
        _ item: Admission,
        _ kind: RequestClass,
        _ priority: AdmissionPriority
    ) throws(WebSocketError) -> Bool {
        guard var handler = self.machine.handlers.rateLimit else { return true }
        let outcome: RateLimitQueue<Admission>.Outcome
        do {
            outcome = try self.limiter.submit(
                item,
                kind: kind.rawValue,
                priority: priority.rawValue,
                now: self.loop.now,
                limiter: &handler
            )
        } catch {
            throw self.describe(error, of: \.rateLimit)
        }
        self.machine.handlers.rateLimit = handler
        switch outcome {
        case .allowed:
            return true
        case .queued(let delay):
            // Behind somebody who waits there is a timer already.
            if delay > .zero || self.limiterTimer == nil { self.armLimiterTimer(delay) }
            return false
        case .rejected(let reason):
            throw WebSocketError(.rateLimitExceeded, reason)
        }
    }

    private func armLimiterTimer(_ delay: Duration) {
        self.cancel(&self.limiterTimer)
        self.limiterTimer = self.schedule(after: max(delay, .milliseconds(1))) { engine in
            engine.limiterTimer = nil
            engine.drainLimiter()
        }
    }

    /// Lets pass what may go out by now.
    func drainLimiter() {
        self.cancel(&self.limiterTimer)
        guard self.limiter.count > 0, var handler = self.machine.handlers.rateLimit else { return }
        // What would only wait for a connection next must not take what those need who make one.
        let hasRoute = self.shared.state.withLock { $0.route != nil }
        let drained = self.limiter.drain(
            now: self.loop.now,
            holdingBelow: hasRoute ? .min : AdmissionPriority.reply.rawValue,
            limiter: &handler
        )
        self.machine.handlers.rateLimit = handler
        if let next = drained.next { self.armLimiterTimer(next) }
        for item in drained.items { self.pass(item) }
        for (item, reason) in drained.rejected { self.refuse(item, WebSocketError(.rateLimitExceeded, reason)) }
        for (item, error) in drained.failed { self.refuse(item, self.describe(error, of: \.rateLimit)) }
    }

    /// Lets everything pass.
    ///
    /// - Returns: how much that was.
    func forceLimiter() -> Int {
        self.cancel(&self.limiterTimer)
        let items = self.limiter.removeAll()
        for item in items { self.pass(item) }
        return items.count
    }

    private func pass(_ item: Admission) {
        switch item {
        case .task(let continuation, _):
            continuation.resume()
        case .frame(let frame, let stream):
            do {
                try self.transmit(frame, on: stream)
            } catch {
                self.report(error, on: stream)
            }
        }
    }

    private func refuse(_ item: Admission, _ error: WebSocketError) {
        switch item {
        case .task(let continuation, _): continuation.resume(throwing: error)
        case .frame(_, let stream): self.report(error, on: stream)
        }
    }
}
