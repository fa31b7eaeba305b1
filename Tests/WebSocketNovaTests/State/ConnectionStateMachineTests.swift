import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("The state machine of a client's connection")
struct ConnectionStateMachineTests {
    private static let connection = ConnectionID(rawValue: 1)
    private static let lost = DisconnectReason.failed(WebSocketError(.transportFailed, "reset"))
    private let data = StreamInfo.Data(path: "/ws")

    private func stream(_ generation: UInt64) -> StreamRef {
        StreamRef(connection: Self.connection, generation: generation)
    }

    private func machine() -> ConnectionStateMachine {
        ConnectionStateMachine(ConnectionState(host: "example.com", port: 443), connection: Self.connection)
    }

    /// A machine in a status, brought there by legal inputs.
    private func machine(in status: ConnectionStatus) throws -> ConnectionStateMachine {
        var machine = self.machine()
        if status == .initialized { return machine }
        if status == .closed {
            _ = machine.closeRequested()
            return machine
        }
        _ = try machine.connectRequested()
        if status == .connecting { return machine }
        machine.transportUp(self.stream(1))
        if status == .connected { return machine }
        _ = machine.upgradeAccepted(self.stream(1), data: self.data, now: .zero)
        if status == .websocketConnected { return machine }
        _ = self.lose(&machine, 1)
        if status == .disconnected { return machine }
        _ = machine.policyDecided(status == .error ? .giveUp : .retry(after: .seconds(1)))
        return machine
    }

    private func lose(
        _ machine: inout ConnectionStateMachine,
        _ generation: UInt64,
        at now: Duration = .seconds(1)
    ) -> ConnectionStateMachine.Action {
        machine.transportLost(self.stream(generation), reason: Self.lost, now: now, stability: .seconds(10))
    }

    @Test(arguments: ConnectionStatus.allCases)
    func `every status is reached`(status: ConnectionStatus) throws {
        #expect(try self.machine(in: status).state.status == status)
    }

    @Test func `F20 when the policy says no the connection ends in error, without a timer`() throws {
        var machine = try self.machine(in: .disconnected)
        #expect(machine.policyDecided(.giveUp) == .finish(Self.lost))
        #expect(machine.state.status == .error)
        #expect(machine.timerFired(ConnectionStateMachine.Timer(number: 1)) == .none)
        #expect(machine.policyDecided(.retry(after: .zero)) == .none)
    }

    @Test func `F21 when the policy says yes one timer is armed, with delay and attempt`() throws {
        var machine = try self.machine(in: .disconnected)
        let timer = ConnectionStateMachine.Timer(number: 1)
        #expect(machine.policyDecided(.retry(after: .seconds(3))) == .armTimer(timer, delay: .seconds(3), attempt: 1))
        #expect(machine.policyDecided(.retry(after: .seconds(3))) == .none)
        #expect(machine.timerFired(timer) == .open(self.stream(2)))
        #expect(machine.timerFired(timer) == .none)
    }

    @Test func `F19 a connection that was stable has its attempts counted anew`() throws {
        var machine = try self.machine(in: .connecting)
        #expect(self.lose(&machine, 1) == .askPolicy(Self.lost, attempt: 1, wasStable: false, wanted: nil))
        guard case .armTimer(let timer, _, 1) = machine.policyDecided(.retry(after: .zero)) else {
            Issue.record("no timer")
            return
        }
        _ = machine.timerFired(timer)
        _ = machine.upgradeAccepted(self.stream(2), data: self.data, now: .seconds(5))
        // Open for less than the ten seconds that count as stable.
        let second = self.lose(&machine, 2, at: .seconds(6))
        #expect(second == .askPolicy(Self.lost, attempt: 2, wasStable: false, wanted: nil))
        guard case .armTimer(let next, _, 2) = machine.policyDecided(.retry(after: .zero)) else {
            Issue.record("no timer")
            return
        }
        _ = machine.timerFired(next)
        _ = machine.upgradeAccepted(self.stream(3), data: self.data, now: .seconds(20))
        let third = self.lose(&machine, 3, at: .seconds(30))
        #expect(third == .askPolicy(Self.lost, attempt: 1, wasStable: true, wanted: nil))
    }

    @Test func `F48 a reconnection is announced with its attempt and the gap`() throws {
        var machine = try self.machine(in: .websocketConnected)
        _ = self.lose(&machine, 1, at: .seconds(2))
        guard case .armTimer(let timer, _, _) = machine.policyDecided(.retry(after: .zero)) else {
            Issue.record("no timer")
            return
        }
        _ = machine.timerFired(timer)
        let gap = ClientEvent.Gap(duration: .seconds(5), attempts: 1)
        let announced = machine.upgradeAccepted(self.stream(2), data: self.data, now: .seconds(7))
        #expect(announced == .announce(self.stream(2), isReconnection: true, attempt: 1, gap: gap))
    }

    @Test func `F48 a connection that is lost before everything is restored on it does not end the gap`() throws {
        var machine = try self.machine(in: .websocketConnected)
        machine.restored(self.stream(1))
        var generation: UInt64 = 1
        for time in [2, 7, 20] as [Int64] {
            _ = self.lose(&machine, generation, at: .seconds(time))
            guard case .armTimer(let timer, _, _) = machine.policyDecided(.retry(after: .zero)) else {
                Issue.record("no timer")
                return
            }
            _ = machine.timerFired(timer)
            generation += 1
            let announced = machine.upgradeAccepted(
                self.stream(generation),
                data: self.data,
                now: .seconds(time + 3)
            )
            guard case .announce(_, true, let attempt, let gap?) = announced else {
                Issue.record("not announced: \(announced)")
                return
            }
            // Restored the second time only.
            let gaps: [Int64: ClientEvent.Gap] = [
                2: .init(duration: .seconds(3), attempts: 1), 7: .init(duration: .seconds(8), attempts: 2),
                20: .init(duration: .seconds(3), attempts: 1),
            ]
            #expect(gap == gaps[time] && attempt == gap.attempts)
            if time == 7 { machine.restored(self.stream(generation)) }
        }
    }

    @Test func `F33 a further stream can be sent on while the connection is being opened again`() throws {
        var machine = try self.machine(in: .websocketConnected)
        let further = try machine.streamRequested()
        let isAccepted = machine.streamAccepted(further, data: self.data)
        #expect(isAccepted)
        _ = self.lose(&machine, 1)
        try machine.checkSendable(on: further)
        #expect(throws: WebSocketError.self) { try machine.checkSendable(on: self.stream(1)) }
    }

    @Test func `F40 what an earlier transport tells is ignored`() throws {
        var machine = try self.machine(in: .reconnecting)
        _ = machine.timerFired(ConnectionStateMachine.Timer(number: 1))
        #expect(machine.stream == self.stream(2))
        machine.transportUp(self.stream(1))
        #expect(machine.state.status == .connecting)
        #expect(machine.upgradeAccepted(self.stream(1), data: self.data, now: .zero) == .none)
        #expect(self.lose(&machine, 1) == .none)
        #expect(machine.state.status == .connecting && machine.state.activeStreams == [self.stream(2): .upgrading])
    }

    @Test(arguments: ConnectionStatus.allCases)
    func `F54 after a local close nothing reconnects`(status: ConnectionStatus) throws {
        var machine = try self.machine(in: status)
        _ = machine.closeRequested()
        _ = self.lose(&machine, machine.stream.generation)
        #expect(machine.state.status == (status == .error ? .error : .closed))
        #expect(machine.policyDecided(.retry(after: .zero)) == .none)
        #expect(machine.timerFired(ConnectionStateMachine.Timer(number: 1)) == .none)
        #expect(machine.reconnectRequested(after: .zero) == .none)
    }

    @Test func `F36, F37 a stream goes from upgrading to websocket to closing and is removed`() throws {
        var machine = try self.machine(in: .connecting)
        #expect(machine.state.activeStreams[self.stream(1)]?.status == .upgrading)
        _ = machine.upgradeAccepted(self.stream(1), data: self.data, now: .zero)
        #expect(machine.state.activeStreams[self.stream(1)] == StreamInfo(.websocket, data: self.data))
        machine.closeSeen(self.stream(1))
        #expect(machine.state.activeStreams[self.stream(1)] == StreamInfo(.closing, data: self.data))
        _ = self.lose(&machine, 1)
        #expect(machine.state.activeStreams.isEmpty)
        machine.closeSeen(self.stream(1))
        #expect(machine.state.activeStreams.isEmpty)
    }

    @Test func `F33 sending on a stream that is not there is refused by name`() throws {
        var machine = try self.machine(in: .websocketConnected)
        try machine.checkSendable(on: self.stream(1))
        let unknown = #expect(throws: WebSocketError.self) { try machine.checkSendable(on: self.stream(9)) }
        #expect(unknown?.code == .streamNotFound && unknown?.message.contains("connection-1/9") == true)
        machine.closeSeen(self.stream(1))
        let closing = #expect(throws: WebSocketError.self) { try machine.checkSendable(on: self.stream(1)) }
        #expect(closing?.code == .invalidStreamStatus)
        _ = self.lose(&machine, 1)
        let gone = #expect(throws: WebSocketError.self) { try machine.checkSendable(on: self.stream(1)) }
        #expect(gone?.code == .notConnected)
    }
}
