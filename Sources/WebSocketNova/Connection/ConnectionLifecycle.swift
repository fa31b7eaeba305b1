internal import WebSocketCore

/// The life of one connection from the upgrade to its end. No I/O, no clock: events in, actions out.
///
/// ```
///               upgradeAccepted          closeRequested ─────────────▶ sendClose
///   opening ─────────────────────▶ open ─────────────────────────────▶ closing ──────────┐
///      │                             │   peerClosed, peerFailed ──────▶ atBarrier        │
///      │                             │          │      barrierReached, closeRequested    │
///      │                             │          └──────────────────────▶ closing ────────┤
///      └─────────────────────────────┴───── transportClosed ─────────────────────────────┴──▶ closed
/// ```
///
/// `atBarrier`: the peer has said its last word, and the reader has not come to it yet; see ``InboundQueue``.
struct ConnectionLifecycle {
    enum State: Equatable {
        case opening
        case open
        case atBarrier
        case closing
        case closed
    }

    /// What the connection has to do next.
    enum Action: Equatable {
        case none
        /// Send this frame behind all that was accepted, and start the close deadline.
        case sendClose(CloseFrame)
        /// Leave the barrier; start the grace time for the reader to come to it.
        case awaitReader
        /// Both Close frames have gone: the server ends the TCP connection, or this side after a while.
        case awaitTransportEnd
    }

    private(set) var state = State.opening
    /// The first Close frame that came.
    private(set) var received: CloseFrame?
    /// The Close frame that went out.
    private(set) var sent: CloseFrame?
    /// What the peer did wrong.
    private(set) var violation: ProtocolFailure?
    /// Why this side gave up, if it did.
    private(set) var abandonment: TransportFailure?
    private var initiator: WebSocketCloseInfo.Initiator?

    /// The server's 101 was in order.
    mutating func upgradeAccepted() {
        if self.state == .opening { self.state = .open }
    }

    /// The user closes.
    mutating func closeRequested(_ frame: CloseFrame) -> Action {
        switch self.state {
        case .open:
            self.initiator = .local
            return self.send(frame)
        case .atBarrier:
            return self.barrierReached()
        case .opening, .closing, .closed:
            return .none
        }
    }

    /// A Close frame came.
    mutating func peerClosed(_ frame: CloseFrame) -> Action {
        switch self.state {
        case .open:
            self.received = frame
            self.initiator = .peer
            self.state = .atBarrier
            return .awaitReader
        case .closing where self.received == nil && self.violation == nil:
            self.received = frame
            return .awaitTransportEnd
        case .opening, .atBarrier, .closing, .closed:
            return .none
        }
    }

    /// The peer broke the protocol.
    mutating func peerFailed(_ violation: ProtocolFailure) -> Action {
        switch self.state {
        case .open:
            self.violation = violation
            self.initiator = .local
            self.state = .atBarrier
            return .awaitReader
        case .closing where self.received == nil && self.violation == nil:
            self.violation = violation
            return .awaitTransportEnd
        case .opening, .atBarrier, .closing, .closed:
            return .none
        }
    }

    /// The reader has read everything before the peer's last word, or its grace time is over.
    mutating func barrierReached() -> Action {
        guard self.state == .atBarrier else { return .none }
        if let violation, let frame = try? CloseFrame(code: violation.closeCode, reason: violation.closeReason) {
            return self.send(frame)
        }
        // RFC 6455 section 5.5.1: the answer typically echoes the code.
        let echoed = self.received.flatMap { try? CloseFrame(code: $0.code) } ?? .withoutCode
        return self.send(echoed)
    }

    /// This side gives up: a deadline passed, or the user aborted. Only the first reason counts.
    ///
    /// - Parameter initiator: whose doing it is, if nobody had ended the connection before.
    mutating func abandoned(
        _ reason: String,
        _ cause: WebSocketCloseInfo.Cause,
        by initiator: WebSocketCloseInfo.Initiator = .local
    ) {
        guard self.state != .closed else { return }
        if self.initiator == nil { self.initiator = initiator }
        if self.abandonment == nil { self.abandonment = TransportFailure(cause, reason) }
    }

    /// The transport is gone.
    ///
    /// - Parameters:
    ///   - failure: why, as far as the transport knows; nil if this side ended it.
    ///   - position: what the end cuts off.
    /// - Returns: the connection's end, the first time; nil afterwards.
    mutating func transportClosed(
        _ failure: TransportFailure?,
        at position: InboundDecoder.Position = .betweenMessages
    ) -> WebSocketCloseInfo? {
        guard self.state != .closed else { return nil }
        self.state = .closed
        let isClean = self.received != nil && self.sent != nil
        let code: WebSocketCloseCode
        if let received {
            code = received.code
        } else if self.violation != nil, let sent {
            code = sent.code
        } else {
            code = .abnormalClosure
        }
        let reason = isClean ? nil : self.reason(failure, position)
        return WebSocketCloseInfo(
            code: code,
            reason: self.received?.reason ?? "",
            initiator: self.initiator ?? .transport,
            wasClean: isClean,
            cause: reason?.cause,
            failure: reason?.message
        )
    }

    /// Why the end was not clean: what the peer did wrong, what this side decided, or what became of the stream.
    private func reason(_ failure: TransportFailure?, _ position: InboundDecoder.Position) -> TransportFailure {
        if let violation { return TransportFailure(violation.cause, violation.message) }
        if let abandonment { return abandonment }
        let end = (failure ?? TransportFailure(.aborted, "this side ended the TCP connection")).inside(position)
        let missing =
            switch (self.received, self.sent) {
            case (nil, nil): "without a Close frame"
            case (nil, _): "before it answered the Close frame"
            default: "before its Close frame was answered"
            }
        return TransportFailure(end.cause, "\(end.message) \(missing)")
    }

    private mutating func send(_ frame: CloseFrame) -> Action {
        self.sent = frame
        self.state = .closing
        return .sendClose(frame)
    }
}

extension TransportFailure {
    /// Says what was cut off by the end of the stream, if anything was.
    fileprivate func inside(_ position: InboundDecoder.Position) -> TransportFailure {
        let (part, words): (WebSocketCloseInfo.Cause, String)
        switch position {
        case .betweenMessages, .behindTheEnd:
            return self
        case .insideFrame(let missing, let isCompressed):
            part = .truncatedFrame
            words =
                missing == 0
                ? "in the middle of a frame's header"
                : "in the middle of a frame\(isCompressed ? " of a compressed message" : ""), \(missing) bytes of it missing,"
        case .betweenFragments(let isCompressed):
            part = .truncatedMessage
            words = "in the middle of a \(isCompressed ? "compressed " : "")message, between two of its frames,"
        }
        return TransportFailure(self.cause == .endOfStream ? part : self.cause, "\(self.message) \(words)")
    }
}

extension ProtocolFailure {
    fileprivate var cause: WebSocketCloseInfo.Cause {
        switch self.closeCode {
        case .policyViolation, .messageTooBig: .limitExceeded
        case .internalError: .local
        default: .protocolViolation
        }
    }

    /// What is told to the peer: the message, cut to what a Close frame holds.
    fileprivate var closeReason: String {
        var reason = self.message
        while reason.utf8.count > CloseFrame.maximumReasonSize { reason.removeLast() }
        return reason
    }
}
