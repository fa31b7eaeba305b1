internal import LWSTransport
internal import Synchronization
internal import WebSocketCore

/// How far the engine is with proving who it is.
struct Authentication {
    /// Those who wait for the answer to the request that is under way.
    let waiters = WaiterList<Void>()
    /// A request is under way.
    var isUnderWay = false
    /// The user has authenticated, so that it is repeated on each new connection and before it ends.
    var isWanted = false
    /// For the next time before the authentication ends.
    var timer: TransportTimer?

    /// Whether messages may concern it.
    var listens: Bool { self.isUnderWay || self.isWanted }

    mutating func failed(_ error: any Error) {
        self.isUnderWay = false
        self.waiters.resumeAll(with: .failure(error))
    }
}

extension ClientEngine {
    /// The user authenticates.
    func authenticate() async throws {
        if self.authentication.isUnderWay {
            return try await self.authentication.waiters.wait(
                on: self.loop,
                limit: self.answerLimit("an authentication")
            )
        }
        let limit = self.answerLimit("an authentication")
        _ = try await self.admit(.auth, limit: limit)
        try await self.authenticateNow(on: self.machine.stream, isAdmitted: true)
    }

    private func answerLimit(_ what: String) -> (time: Duration, error: WebSocketError) {
        let timeout = self.configuration.requestTimeout
        return (
            self.loop.now + timeout, WebSocketError(.timedOut, "the answer to \(what) did not come within \(timeout)")
        )
    }

    /// Authenticates on a stream that users need not have yet.
    func authenticateNow(on stream: StreamRef, isAdmitted: Bool = false) async throws {
        let limit = self.answerLimit("an authentication")
        if !isAdmitted { try await self.passLimiter(.auth) }
        // It may have begun while this waited.
        if !self.authentication.isUnderWay {
            let now = self.loop.wallClock
            let request: OutgoingMessage
            do {
                guard let made = try self.tryCall(\.auth, { try $0.authenticationRequest(now: now) }) else {
                    throw WebSocketError(.missingCredentials, "there is no auth handler")
                }
                request = made
            } catch {
                throw self.describe(error, of: \.auth)
            }
            self.cancel(&self.authentication.timer)
            self.authentication.isUnderWay = true
            do {
                try self.transmit(try self.encode(request), on: stream)
            } catch {
                self.authentication.isUnderWay = false
                throw error
            }
        }
        do {
            try await self.authentication.waiters.wait(on: self.loop, limit: limit)
        } catch let error as WebSocketError where error.code == .timedOut {
            if self.authentication.waiters.isEmpty { self.authentication.isUnderWay = false }
            throw error
        }
    }

    /// Whether a message answers an authentication.
    func answersAuthentication(_ message: ReceivedMessage) -> Bool {
        guard self.authentication.listens else { return false }
        let now = self.loop.wallClock
        switch self.call(\.auth, on: message.stream, { try $0.handleResponse(message.json, now: now) }) {
        case .unrelated, nil:
            return false
        case .authenticated:
            self.authentication.isUnderWay = false
            self.authentication.isWanted = true
            self.armAuthenticationTimer()
            self.authentication.waiters.resumeAll(with: .success(()))
        case .refused(let reason):
            let error = WebSocketError(.authenticationFailed, "the peer refuses: \(reason)")
            let isAwaited = !self.authentication.waiters.isEmpty
            self.authentication.failed(error)
            // Nobody asked: the peer has ended the authentication.
            if !isAwaited { self.report(error, on: message.stream) }
        }
        return true
    }

    private static let leastRefreshDelay = Duration.seconds(1)

    /// Authenticates again when the handler says so.
    private func armAuthenticationTimer() {
        self.cancel(&self.authentication.timer)
        guard let time = self.machine.handlers.auth?.refreshTime, time.isFinite else { return }
        let seconds = min(max(time - self.loop.wallClock, 0), 365 * 86_400)
        // A peer that gives no time at all must not keep the client busy.
        // Rounded up: a timer that is early finds nothing to do yet, and the next one may be too late.
        let delay = max(Self.leastRefreshDelay, .milliseconds(Int64((seconds * 1000).rounded(.up)) + 1))
        self.authentication.timer = self.schedule(after: delay) { engine in
            engine.authentication.timer = nil
            engine.refreshAuthentication()
        }
    }

    private func refreshAuthentication() {
        // While there is no connection, the next one is authenticated anyway.
        guard self.shared.state.withLock({ $0.route }) != nil else { return }
        let now = self.loop.wallClock
        guard self.machine.handlers.auth?.needsAuthentication(now: now) ?? false else {
            return self.armAuthenticationTimer()
        }
        let stream = self.machine.stream
        Task {
            do {
                try await self.authenticateNow(on: stream)
            } catch {
                self.refreshFailed(stream, error)
            }
        }
    }

    private func refreshFailed(_ stream: StreamRef, _ error: any Error) {
        // The loss of the stream is told by itself.
        guard stream == self.machine.stream, self.live[stream] != nil, self.ending == nil else { return }
        self.report(self.describe(error, of: \.auth), on: stream)
        if self.authentication.timer == nil { self.armAuthenticationTimer() }
    }
}
