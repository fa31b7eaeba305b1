import TestSupport
import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("The life of a connection")
struct ConnectionLifecycleTests {
    typealias State = ConnectionLifecycle.State
    typealias Action = ConnectionLifecycle.Action

    /// Every state, and the ways that lead into it where they differ in what may follow.
    enum Situation: String, CaseIterable {
        case opening
        case open
        case peerHasClosed
        case peerHasFailed
        case weHaveClosed
        case weHaveAnswered
        case weHaveAnsweredAFailure
        case bothHaveClosed
        case failedWhileClosing
        case closed

        var lifecycle: ConnectionLifecycle {
            var lifecycle = ConnectionLifecycle()
            for event in self.history { _ = event.apply(to: &lifecycle) }
            return lifecycle
        }

        private var history: [Event] {
            switch self {
            case .opening: []
            case .open: [.upgradeAccepted]
            case .peerHasClosed: [.upgradeAccepted, .peerClosed]
            case .peerHasFailed: [.upgradeAccepted, .peerFailed]
            case .weHaveClosed: [.upgradeAccepted, .closeRequested]
            case .weHaveAnswered: [.upgradeAccepted, .peerClosed, .barrierReached]
            case .weHaveAnsweredAFailure: [.upgradeAccepted, .peerFailed, .barrierReached]
            case .bothHaveClosed: [.upgradeAccepted, .closeRequested, .peerClosed]
            case .failedWhileClosing: [.upgradeAccepted, .closeRequested, .peerFailed]
            case .closed: [.upgradeAccepted, .transportClosed]
            }
        }
    }

    enum Event: String, CaseIterable {
        case upgradeAccepted
        case closeRequested
        case peerClosed
        case peerFailed
        case barrierReached
        case abandoned
        case transportClosed

        /// What came out of it; nil for the events that have no action.
        func apply(to lifecycle: inout ConnectionLifecycle) -> (action: Action?, info: WebSocketCloseInfo?) {
            switch self {
            case .upgradeAccepted: lifecycle.upgradeAccepted()
            case .closeRequested: return (lifecycle.closeRequested(ConnectionLifecycleTests.ours), nil)
            case .peerClosed: return (lifecycle.peerClosed(ConnectionLifecycleTests.theirs), nil)
            case .peerFailed: return (lifecycle.peerFailed(ConnectionLifecycleTests.violation), nil)
            case .barrierReached: return (lifecycle.barrierReached(), nil)
            case .abandoned: lifecycle.abandoned("given up", .timedOut)
            case .transportClosed: return (nil, lifecycle.transportClosed(ConnectionLifecycleTests.broken))
            }
            return (nil, nil)
        }
    }

    fileprivate static let broken = TransportFailure(.reset, "it broke")
    fileprivate static let ours = frame(1000, "ours")
    fileprivate static let theirs = frame(4000, "theirs")
    private static let echo = frame(4000)
    private static let answerToViolation = frame(1002, "wrong")
    fileprivate static let violation = ProtocolFailure(.protocolError, "wrong")

    private static func frame(_ code: WebSocketCloseCode, _ reason: String = "") -> CloseFrame {
        (try? CloseFrame(code: code, reason: reason)) ?? .withoutCode
    }

    /// All pairs: the state after, and the action. What is not named does nothing and changes nothing.
    private static func expected(_ situation: Situation, _ event: Event) -> (state: State, action: Action) {
        switch (situation, event) {
        case (_, .transportClosed): (.closed, .none)
        case (.opening, .upgradeAccepted): (.open, .none)
        case (.open, .closeRequested): (.closing, .sendClose(Self.ours))
        case (.open, .peerClosed), (.open, .peerFailed): (.atBarrier, .awaitReader)
        case (.peerHasClosed, .closeRequested), (.peerHasClosed, .barrierReached): (.closing, .sendClose(Self.echo))
        case (.peerHasFailed, .closeRequested), (.peerHasFailed, .barrierReached):
            (.closing, .sendClose(Self.answerToViolation))
        case (.weHaveClosed, .peerClosed), (.weHaveClosed, .peerFailed): (.closing, .awaitTransportEnd)
        default: (situation.lifecycle.state, .none)
        }
    }

    @Test("Every event in every state", arguments: Situation.allCases, Event.allCases)
    func pairs(situation: Situation, event: Event) {
        var lifecycle = situation.lifecycle
        let (action, _) = event.apply(to: &lifecycle)
        let expected = Self.expected(situation, event)
        #expect(lifecycle.state == expected.state)
        #expect(action ?? Action.none == expected.action)
    }

    @Test("What the end is called, from every state", arguments: Situation.allCases)
    func closeInfo(situation: Situation) {
        var lifecycle = situation.lifecycle
        let info = lifecycle.transportClosed(Self.broken)
        let expected: WebSocketCloseInfo? =
            switch situation {
            case .closed: nil
            case .opening, .open:
                WebSocketCloseInfo(
                    code: 1006,
                    initiator: .transport,
                    wasClean: false,
                    cause: .reset,
                    failure: "it broke without a Close frame"
                )
            case .peerHasClosed:
                WebSocketCloseInfo(
                    code: 4000,
                    reason: "theirs",
                    initiator: .peer,
                    wasClean: false,
                    cause: .reset,
                    failure: "it broke before its Close frame was answered"
                )
            case .peerHasFailed:
                WebSocketCloseInfo(
                    code: 1006,
                    initiator: .local,
                    wasClean: false,
                    cause: .protocolViolation,
                    failure: "wrong"
                )
            case .weHaveClosed:
                WebSocketCloseInfo(
                    code: 1006,
                    initiator: .local,
                    wasClean: false,
                    cause: .reset,
                    failure: "it broke before it answered the Close frame"
                )
            case .weHaveAnswered: WebSocketCloseInfo(code: 4000, reason: "theirs", initiator: .peer, wasClean: true)
            case .weHaveAnsweredAFailure:
                WebSocketCloseInfo(
                    code: 1002,
                    initiator: .local,
                    wasClean: false,
                    cause: .protocolViolation,
                    failure: "wrong"
                )
            case .bothHaveClosed: WebSocketCloseInfo(code: 4000, reason: "theirs", initiator: .local, wasClean: true)
            case .failedWhileClosing:
                WebSocketCloseInfo(
                    code: 1000,
                    initiator: .local,
                    wasClean: false,
                    cause: .protocolViolation,
                    failure: "wrong"
                )
            }
        #expect(info == expected)
        #expect(lifecycle.transportClosed(.endOfStream) == nil)
    }

    @Test("An abandonment is told in the end's words, the first one, unless the peer is to blame")
    func abandonment() {
        var lifecycle = Situation.weHaveClosed.lifecycle
        lifecycle.abandoned("no answer", .timedOut)
        lifecycle.abandoned("another reason", .aborted)
        let info = lifecycle.transportClosed(Self.broken)
        #expect(info?.failure == "no answer")
        #expect(info?.cause == .timedOut)

        var violated = Situation.weHaveAnsweredAFailure.lifecycle
        violated.abandoned("no answer", .timedOut)
        #expect(violated.transportClosed(nil)?.failure == "wrong")
    }

    /// What the end of the stream cut off, how the end was told, and what comes of it.
    static let truncations: [(InboundDecoder.Position, TransportFailure, WebSocketCloseInfo.Cause, String)] = [
        (.betweenMessages, .endOfStream, .endOfStream, "the peer ended the TCP connection"),
        (.betweenMessages, .endOfTLS, .endOfStream, "the peer ended the TLS session"),
        (
            .insideFrame(missing: 0, isCompressed: false), .endOfStream, .truncatedFrame,
            "the peer ended the TCP connection in the middle of a frame's header"
        ),
        (
            .insideFrame(missing: 5, isCompressed: false), .endOfStream, .truncatedFrame,
            "the peer ended the TCP connection in the middle of a frame, 5 bytes of it missing,"
        ),
        (
            .insideFrame(missing: 1, isCompressed: true), .truncatedTLS, .truncatedFrame,
            "the TCP connection ended without the peer's close_notify in the middle of a frame of a compressed message, "
                + "1 bytes of it missing,"
        ),
        (
            .betweenFragments(isCompressed: false), .endOfStream, .truncatedMessage,
            "the peer ended the TCP connection in the middle of a message, between two of its frames,"
        ),
        (
            .betweenFragments(isCompressed: true), .endOfStream, .truncatedMessage,
            "the peer ended the TCP connection in the middle of a compressed message, between two of its frames,"
        ),
        (
            .insideFrame(missing: 5, isCompressed: false), Self.broken, .reset,
            "it broke in the middle of a frame, 5 bytes of it missing,"
        ),
        (.behindTheEnd, Self.broken, .reset, "it broke"),
    ]

    @Test("What the end of the stream cuts off is told", arguments: truncations)
    func truncation(
        position: InboundDecoder.Position,
        failure: TransportFailure,
        cause: WebSocketCloseInfo.Cause,
        words: String
    ) {
        var lifecycle = Situation.open.lifecycle
        let info = lifecycle.transportClosed(failure, at: position)
        #expect(info?.cause == cause)
        #expect(info?.failure == "\(words) without a Close frame")
        #expect(info?.initiator == .transport)
        #expect(info?.code == .abnormalClosure)
    }

    @Test("A violation's cause is that of its close code")
    func causesOfViolations() {
        let causes: [(WebSocketCloseCode, WebSocketCloseInfo.Cause)] = [
            (.protocolError, .protocolViolation), (.invalidFramePayloadData, .protocolViolation),
            (.policyViolation, .limitExceeded), (.messageTooBig, .limitExceeded), (.internalError, .local),
        ]
        for (code, cause) in causes {
            var lifecycle = Situation.open.lifecycle
            _ = lifecycle.peerFailed(ProtocolFailure(code, "words"))
            #expect(lifecycle.transportClosed(.endOfStream)?.cause == cause)
        }
    }

    @Test("A violation's words are cut to what a Close frame holds, at a character")
    func longViolation() throws {
        var lifecycle = Situation.open.lifecycle
        let words = String(repeating: "é", count: 100)
        _ = lifecycle.peerFailed(ProtocolFailure(.invalidFramePayloadData, words))
        guard case .sendClose(let frame) = lifecycle.barrierReached() else {
            Issue.record("no Close frame for \(words)")
            return
        }
        #expect(frame.code == .invalidFramePayloadData)
        #expect(frame.reason == String(repeating: "é", count: 61))
    }

    @Test("A Close frame without a code is answered with one without a code")
    func closeWithoutCode() {
        var lifecycle = Situation.open.lifecycle
        #expect(lifecycle.peerClosed(.withoutCode) == .awaitReader)
        #expect(lifecycle.barrierReached() == .sendClose(.withoutCode))
        #expect(
            lifecycle.transportClosed(nil)
                == WebSocketCloseInfo(code: 1005, initiator: .peer, wasClean: true)
        )
    }

    @Test("Whatever happens, one Close frame is sent at most, and the end is told once", arguments: 0..<64)
    func randomEvents(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var lifecycle = ConnectionLifecycle()
            var closes = 0
            var barriers = 0
            var ends = 0
            var history: [Event] = []
            for _ in 0..<12 {
                guard let event = Event.allCases.randomElement(using: &random) else { continue }
                history.append(event)
                let wasClosed = lifecycle.state == .closed
                let (action, info) = event.apply(to: &lifecycle)
                if let info {
                    ends += 1
                    #expect(info.wasClean == (info.cause == nil), "seed \(seed): \(history)")
                    #expect(info.wasClean == (info.failure == nil), "seed \(seed): \(history)")
                }
                switch action ?? Action.none {
                case .sendClose(let frame):
                    closes += 1
                    #expect(lifecycle.sent == frame, "seed \(seed): \(history)")
                case .awaitReader: barriers += 1
                case .awaitTransportEnd, .none: break
                }
                if wasClosed {
                    #expect(action ?? Action.none == Action.none, "seed \(seed): an action after the end: \(history)")
                    #expect(lifecycle.state == .closed, "seed \(seed): back from the end: \(history)")
                }
            }
            let mustHaveEnded = history.contains(.transportClosed)
            #expect(ends == (mustHaveEnded ? 1 : 0), "seed \(seed): \(history)")
            #expect(closes <= 1 && barriers <= 1, "seed \(seed): \(history)")
        }
    }
}
