internal import LWSTransport
internal import Synchronization
internal import WebSocketCore

/// How far the engine is with proving who it is.
struct Authentication {
    /// Those who wait for the answer to the request that is under way.
    let waiters = WaiterList<Void>()
    /// A request is under way.
    var isUnderWay = false
    /// Ends the wait for its answer.
    var deadline: TransportTimer?
    /// The user has authenticated, so that it is repeated on each new connection and before it ends.
    var isWanted = false
    /// How often it has succeeded.
    var successes = 0
    /// For the next time before the authentication ends.
    var timer: TransportTimer?

    /// Whether messages may concern it.
    var listens: Bool { self.isUnderWay || self.isWanted }
}

extension ClientEngine {
    /// The user authenticates.
    func authenticate() async throws {
        let successes = self.authentication.successes
        let timeout = self.configuration.requestTimeout
        let limit = (time: self.loop.now + timeout, error: Self.authenticationTimeout(timeout))
        var used: WebSocket?
        while !self.authentication.isUnderWay {
            let socket = try await self.admit(.auth, excluding: used, limit: limit)
            // Somebody else's may have come and gone while this waited: it is everybody's.
            guard self.authentication.successes == successes else { return }
            if self.authentication.isUnderWay { break }
            do {
                try self.beginAuthentication(on: self.machine.stream)
            } catch let error as WebSocketError where error.saysStreamIsGone {
                // The next connection will do, if there is one.
                used = socket
            }
        }
        try await self.authentication.waiters.wait(on: self.loop, limit: limit)
    }

    /// Authenticates on a stream that users need not have yet.
    func authenticateNow(on stream: StreamRef, priority: AdmissionPriority) async throws {
        let successes = self.authentication.successes
        try await self.passLimiter(.auth, priority: priority)
        guard self.authentication.successes == successes else { return }
        // The user's may have begun while this waited.
        if !self.authentication.isUnderWay { try self.beginAuthentication(on: stream) }
        try await self.authentication.waiters.wait(on: self.loop)
    }

    private static func authenticationTimeout(_ timeout: Duration) -> WebSocketError {
        WebSocketError(.timedOut, "the answer to an authentication did not come within \(timeout)")
    }

    /// Sends the request. Whoever waits for its answer is told: of that, of the timeout, or of the loss of the connection.
    private func beginAuthentication(on stream: StreamRef) throws {
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
        try self.transmit(try self.encode(request), on: stream)
        self.cancel(&self.authentication.timer)
        self.authentication.isUnderWay = true
        let timeout = self.configuration.requestTimeout
        self.authentication.deadline = self.schedule(after: timeout) { engine in
            engine.authentication.deadline = nil
            engine.endAuthentication(.failure(Self.authenticationTimeout(timeout)))
        }
    }

    /// What is under way is over.
    func endAuthentication(_ result: Result<Void, any Error>) {
        self.authentication.isUnderWay = false
        self.cancel(&self.authentication.deadline)
        self.authentication.waiters.resumeAll(with: result)
    }

    /// Whether a message answers an authentication.
    func answersAuthentication(_ message: ReceivedMessage) -> Bool {
        guard self.authentication.listens else { return false }
        let now = self.loop.wallClock
        switch self.call(\.auth, on: message.stream, { try $0.handleResponse(message.json, now: now) }) {
        case .unrelated, nil:
            return false
        case .authenticated:
            self.authentication.isWanted = true
            self.authentication.successes += 1
            self.armAuthenticationTimer()
            self.endAuthentication(.success(()))
        case .refused(let reason):
            let error = WebSocketError(.authenticationFailed, "the peer refuses: \(reason)")
            let isAwaited = !self.authentication.waiters.isEmpty
            self.cancel(&self.authentication.timer)
            self.endAuthentication(.failure(error))
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
        guard self.live[self.machine.stream]?.socket != nil, !self.machine.isClosing else { return }
        let now = self.loop.wallClock
        guard self.machine.handlers.auth?.needsAuthentication(now: now) ?? false else {
            return self.armAuthenticationTimer()
        }
        let stream = self.machine.stream
        self.task { engine in
            do {
                try await engine.authenticateNow(on: stream, priority: .reply)
            } catch {
                engine.refreshFailed(stream, error)
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
