import Testing
import WebSocketCore

@testable import WebSocketNova

/// Every input in every situation: what has to be done, and the status after it. What is not in the table is ignored.
@Suite("The state machine of a client's connection, pair by pair")
struct ConnectionStateMachinePairsTests {
    typealias Machine = ConnectionStateMachine

    /// Where a machine can be. A status alone does not say whether the user closes, or a handler wants another transport.
    enum Situation: CaseIterable {
        case initialized, connecting, connectingClosing, connected, connectedClosing
        case open, openClosing, openReplacing, asking, reconnecting, error, closed
    }

    /// What can happen; of what a transport tells, that of the present one and that of another.
    enum Input: CaseIterable {
        case connectRequested, transportUp, upgradeAccepted, closeSeen, transportLost
        case staleUp, staleUpgrade, staleClose, staleLoss
        case retryDecided, giveUpDecided, timerFired, staleTimer
        case closeRequested, reconnectRequested, reconnectRequestedLater, stopRequested
    }

    struct Outcome: Equatable {
        var action: Machine.Action
        var status: ConnectionStatus

        init(_ action: Machine.Action, _ status: ConnectionStatus) {
            self.action = action
            self.status = status
        }
    }

    private static let connection = ConnectionID(rawValue: 1)
    private static let data = StreamInfo.Data(path: "/ws")
    private static let lost = DisconnectReason.failed(WebSocketError(.transportFailed, "reset"))
    private static let stopped = WebSocketError(.resourceExhausted, "given up")
    private static let timer = Machine.Timer(number: 1)

    private static func stream(_ generation: UInt64) -> StreamRef {
        StreamRef(connection: Self.connection, generation: generation)
    }

    // MARK: The table

    private static let announced = Outcome(
        .announce(stream(1), isReconnection: false, attempt: 1, gap: nil),
        .websocketConnected
    )
    private static let asksPolicy = Outcome(
        .askPolicy(lost, attempt: 1, wasStable: false, wanted: nil),
        .disconnected
    )
    private static let finishedLocally = Outcome(.finish(.local), .closed)
    private static let gaveUp = Outcome(.finish(.failed(stopped)), .error)

    /// What an order to reconnect does with a transport.
    private static func abort(_ status: ConnectionStatus) -> Outcome { Outcome(.abort(stream(1)), status) }
    /// A Close frame marks the stream.
    private static func marked(_ status: ConnectionStatus) -> Outcome { Outcome(.none, status) }

    private static let table: [Situation: [Input: Outcome]] = [
        .initialized: [
            .connectRequested: Outcome(.open(stream(1)), .connecting),
            .closeRequested: finishedLocally, .stopRequested: gaveUp,
        ],
        .connecting: [
            .transportUp: Outcome(.none, .connected), .upgradeAccepted: announced,
            .closeSeen: marked(.connecting), .transportLost: asksPolicy, .closeRequested: abort(.connecting),
            .reconnectRequested: abort(.connecting), .reconnectRequestedLater: abort(.connecting),
            .stopRequested: gaveUp,
        ],
        .connectingClosing: [
            .transportUp: Outcome(.none, .connected),
            .upgradeAccepted: Outcome(.close(stream(1)), .websocketConnected),
            .closeSeen: marked(.connecting), .transportLost: finishedLocally,
        ],
        .connected: [
            .upgradeAccepted: announced, .closeSeen: marked(.connected), .transportLost: asksPolicy,
            .closeRequested: abort(.connected), .reconnectRequested: abort(.connected),
            .reconnectRequestedLater: abort(.connected), .stopRequested: gaveUp,
        ],
        .connectedClosing: [
            .upgradeAccepted: Outcome(.close(stream(1)), .websocketConnected), .closeSeen: marked(.connected),
            .transportLost: finishedLocally,
        ],
        .open: [
            .closeSeen: marked(.websocketConnected), .transportLost: asksPolicy,
            .closeRequested: Outcome(.close(stream(1)), .websocketConnected),
            .reconnectRequested: abort(.websocketConnected), .reconnectRequestedLater: abort(.websocketConnected),
            .stopRequested: gaveUp,
        ],
        .openClosing: [.closeSeen: marked(.websocketConnected), .transportLost: finishedLocally],
        .openReplacing: [
            .closeSeen: marked(.websocketConnected),
            .transportLost: Outcome(
                .askPolicy(lost, attempt: 1, wasStable: false, wanted: .seconds(7)),
                .disconnected
            ),
            .closeRequested: Outcome(.close(stream(1)), .websocketConnected),
            .reconnectRequested: abort(.websocketConnected), .reconnectRequestedLater: abort(.websocketConnected),
            .stopRequested: gaveUp,
        ],
        .asking: [
            .retryDecided: Outcome(.armTimer(timer, delay: .seconds(2), attempt: 1), .reconnecting),
            .giveUpDecided: Outcome(.finish(lost), .error), .closeRequested: finishedLocally, .stopRequested: gaveUp,
        ],
        .reconnecting: [
            .timerFired: Outcome(.open(stream(2)), .connecting), .closeRequested: finishedLocally,
            .stopRequested: gaveUp,
        ],
        .error: [:],
        .closed: [:],
    ]

    // MARK: Getting there

    private static func machine(_ situation: Situation) throws -> Machine {
        var machine = Machine(ConnectionState(host: "example.com", port: 443), connection: Self.connection)
        let steps: [Input] =
            switch situation {
            case .initialized: []
            case .connecting: [.connectRequested]
            case .connectingClosing: [.connectRequested, .closeRequested]
            case .connected: [.connectRequested, .transportUp]
            case .connectedClosing: [.connectRequested, .transportUp, .closeRequested]
            case .open: [.connectRequested, .upgradeAccepted]
            case .openClosing: [.connectRequested, .upgradeAccepted, .closeRequested]
            case .openReplacing: [.connectRequested, .upgradeAccepted, .reconnectRequestedLater]
            case .asking: [.connectRequested, .upgradeAccepted, .transportLost]
            case .reconnecting: [.connectRequested, .upgradeAccepted, .transportLost, .retryDecided]
            case .error: [.connectRequested, .upgradeAccepted, .transportLost, .giveUpDecided]
            case .closed: [.connectRequested, .closeRequested, .transportLost]
            }
        for step in steps { _ = try Self.tell(&machine, step) }
        return machine
    }

    private static func tell(_ machine: inout Machine, _ input: Input) throws(WebSocketError) -> Machine.Action {
        let (present, stale) = (machine.stream, Self.stream(99))
        switch input {
        case .connectRequested: return try machine.connectRequested()
        case .transportUp, .staleUp: machine.transportUp(input == .transportUp ? present : stale)
        case .upgradeAccepted: return machine.upgradeAccepted(present, data: Self.data, now: .seconds(1))
        case .staleUpgrade: return machine.upgradeAccepted(stale, data: Self.data, now: .seconds(1))
        case .closeSeen, .staleClose: machine.closeSeen(input == .closeSeen ? present : stale)
        case .transportLost: return Self.lose(&machine, present)
        case .staleLoss: return Self.lose(&machine, stale)
        case .retryDecided: return machine.policyDecided(.retry(after: .seconds(2)))
        case .giveUpDecided: return machine.policyDecided(.giveUp)
        case .timerFired: return machine.timerFired(Self.timer)
        case .staleTimer: return machine.timerFired(Machine.Timer(number: 99))
        case .closeRequested: return machine.closeRequested()
        case .reconnectRequested: return machine.reconnectRequested(after: nil)
        case .reconnectRequestedLater: return machine.reconnectRequested(after: .seconds(7))
        case .stopRequested: return machine.stopRequested(Self.stopped)
        }
        return .none
    }

    private static func lose(_ machine: inout Machine, _ stream: StreamRef) -> Machine.Action {
        machine.transportLost(stream, reason: Self.lost, now: .seconds(2), stability: .seconds(10))
    }

    // MARK: The test

    @Test("every input in every situation", arguments: Situation.allCases, Input.allCases)
    func pair(situation: Situation, input: Input) throws {
        let before = try Self.machine(situation)
        var after = before
        var refusal: WebSocketError?
        var action = Machine.Action.none
        do throws(WebSocketError) { action = try Self.tell(&after, input) } catch { refusal = error }
        let table = try #require(Self.table[situation])

        #expect((refusal?.code == .invalidTransition) == (input == .connectRequested && situation != .initialized))
        if let expected = table[input] {
            #expect(Outcome(action, after.state.status) == expected)
        } else {
            #expect(action == .none)
            #expect(after.state.status == before.state.status)
            #expect(after.state.activeStreams == before.state.activeStreams)
            #expect(after.stream == before.stream && after.attempts == before.attempts)
            #expect(after.isClosing == before.isClosing)
        }
        if table[input] != nil, input == .closeSeen {
            #expect(after.state.activeStreams[after.stream]?.status == .closing)
        }
        if case .finish = action { #expect(after.state.activeStreams.isEmpty) }
    }

    @Test("F36, F39: further streams in every situation, from asking to their end", arguments: Situation.allCases)
    func furtherStreams(situation: Situation) throws {
        var machine = try Self.machine(situation)
        let (before, status) = (machine.state.activeStreams, machine.state.status)
        // What is no further stream: the connection's own, and one that is not there.
        for stream in [machine.stream, Self.stream(99)] {
            #expect(!machine.streamAccepted(stream, data: Self.data) && !machine.streamLost(stream))
            machine.responseReceived(stream, status: 204)
        }
        machine.responseReceived(Self.stream(99), status: 404)
        #expect(machine.state.activeStreams == before)

        guard [.open, .openReplacing].contains(situation) else {
            let refusal = #expect(throws: WebSocketError.self) { try machine.streamRequested() }
            #expect(refusal?.code == .notConnected && machine.state.activeStreams == before)
            return
        }
        let (first, second) = (try machine.streamRequested(), try machine.streamRequested())
        #expect(first.generation == 2 && second.generation == 3)
        #expect(machine.state.activeStreams[first] == .upgrading && machine.state.activeStreams[second] == .upgrading)
        #expect(machine.streamAccepted(first, data: Self.data) && !machine.streamAccepted(first, data: Self.data))
        #expect(machine.state.activeStreams[first] == StreamInfo(.websocket, data: Self.data))
        machine.closeSeen(first)
        #expect(machine.state.activeStreams[first]?.status == .closing)
        #expect(machine.streamLost(first) && !machine.streamLost(first))
        machine.responseReceived(second, status: 200)
        #expect(machine.state.activeStreams[second] == .upgrading)
        machine.responseReceived(second, status: 404)
        #expect(machine.state.activeStreams == before && !machine.streamAccepted(second, data: Self.data))
        #expect(machine.state.status == status)
    }

    /// The statuses change by the table of the documentation, but for what a local close does; see ``ConnectionStatus``.
    @Test("F16: no input leads where the table of statuses does not", arguments: Situation.allCases, Input.allCases)
    func transitions(situation: Situation, input: Input) throws {
        var machine = try Self.machine(situation)
        let before = machine.state.status
        do throws(WebSocketError) { _ = try Self.tell(&machine, input) } catch {}
        let after = machine.state.status
        let steps: [ConnectionStatus] =
            switch (before, after) {
            // An upgrade whose transport nobody told of, and a loss whose delay is known already, are two steps in one.
            case (.connecting, .websocketConnected): [before, .connected, after]
            case (.websocketConnected, .reconnecting): [before, .disconnected, after]
            default: [before, after]
            }
        for (from, to) in zip(steps, steps.dropFirst()) where from != to && to != .closed {
            #expect(from.successors.contains(to), "\(from) to \(to)")
        }
    }
}
