import TestSupport
import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("Random lives of a client's connection")
struct ConnectionStateMachineRandomTests {
    typealias Machine = ConnectionStateMachine

    /// Carries the machine's actions out, as a connection does, and keeps account of what has begun and ended.
    private struct Life {
        static let connection = ConnectionID(rawValue: 1)
        static let lost = DisconnectReason.failed(WebSocketError(.transportFailed, "reset"))

        let seed: UInt64
        var machine = Machine(ConnectionState(host: "example.com", port: 443), connection: Self.connection)
        var now = Duration.zero
        /// The transport that there is.
        var transport: StreamRef?
        /// The further streams that are listed.
        var further: Set<StreamRef> = []
        var lastGeneration: UInt64 = 0
        /// The timer that runs.
        var timer: Machine.Timer?
        var isAsking = false
        var announced: Set<StreamRef> = []
        var ends = 0
        var (opened, lost, armed, fired, cancelled) = (0, 0, 0, 0, 0)

        init(seed: UInt64) { self.seed = seed }

        /// Does what the machine wants, and looks whether it may want that.
        mutating func carryOut(_ action: Machine.Action, isStop: Bool = false) {
            #expect(self.ends == 0 || action == .none, "seed \(self.seed): \(action) after the end")
            switch action {
            case .none:
                break
            case .open(let stream):
                #expect(
                    self.transport == nil && self.timer == nil && !self.isAsking,
                    "seed \(self.seed): two at a time"
                )
                #expect(stream.generation > self.lastGeneration, "seed \(self.seed)")
                self.lastGeneration = stream.generation
                self.transport = stream
                self.opened += 1
            case .announce(let stream, let isReconnection, let attempt, let gap):
                #expect(stream == self.transport && self.announced.insert(stream).inserted, "seed \(self.seed)")
                #expect(
                    isReconnection == (self.announced.count > 1) && isReconnection == (gap != nil),
                    "seed \(self.seed)"
                )
                #expect(attempt >= 1 && gap?.duration ?? .zero >= .zero, "seed \(self.seed)")
            case .askPolicy(_, let attempt, _, _):
                #expect(self.transport == nil && self.timer == nil && !self.isAsking, "seed \(self.seed)")
                #expect(attempt >= 1, "seed \(self.seed)")
                self.isAsking = true
            case .armTimer(let timer, let delay, let attempt):
                #expect(self.transport == nil && self.timer == nil, "seed \(self.seed): two timers")
                #expect(delay >= .zero && attempt >= 1, "seed \(self.seed)")
                self.timer = timer
                self.armed += 1
            case .close(let stream), .abort(let stream):
                #expect(stream == self.transport, "seed \(self.seed)")
            case .finish:
                self.ends += 1
                // A handler's order ends a transport too; everything else has waited for that.
                #expect(isStop || self.transport == nil, "seed \(self.seed): a transport outlives the end")
                if self.transport.take() != nil { self.lost += 1 }
                if self.timer.take() != nil { self.cancelled += 1 }
                self.isAsking = false
                self.further = []
                #expect(self.machine.state.status.isTerminal, "seed \(self.seed)")
            }
            var streams = self.further
            if let transport { streams.insert(transport) }
            #expect(Set(self.machine.state.activeStreams.keys) == streams, "seed \(self.seed)")
        }

        /// Something happens to a further stream, or to one that is none.
        mutating func stepAside(_ stream: StreamRef, _ random: inout SeededGenerator) {
            switch Int.random(in: 0...3, using: &random) {
            case 0:
                let made = try? self.machine.streamRequested()
                #expect((made != nil) == (self.machine.state.status == .websocketConnected && !self.machine.isClosing))
                guard let made else { break }
                #expect(
                    made.generation > self.lastGeneration && self.further.insert(made).inserted,
                    "seed \(self.seed)"
                )
                self.lastGeneration = made.generation
            case 1:
                let isAccepted = self.machine.streamAccepted(stream, data: StreamInfo.Data(path: "/further"))
                #expect(!isAccepted || self.further.contains(stream), "seed \(self.seed)")
            case 2:
                #expect(self.machine.streamLost(stream) == (self.further.remove(stream) != nil), "seed \(self.seed)")
            default:
                guard stream != self.transport else { break }
                self.machine.responseReceived(stream, status: 503)
                self.further.remove(stream)
            }
            self.carryOut(.none)
        }

        mutating func lose(_ stream: StreamRef) {
            let action = self.machine.transportLost(stream, reason: Self.lost, now: self.now, stability: .seconds(10))
            if stream == self.transport {
                self.transport = nil
                self.lost += 1
                #expect(action != .none, "seed \(self.seed): the loss of the transport is not heard of")
            } else {
                #expect(action == .none, "seed \(self.seed): \(action) for a stream that is gone")
            }
            self.carryOut(action)
        }

        mutating func decide(_ decision: Machine.Decision) {
            let action = self.machine.policyDecided(decision)
            #expect((action != .none) == self.isAsking, "seed \(self.seed)")
            self.isAsking = false
            self.carryOut(action)
        }

        mutating func fire(_ timer: Machine.Timer) {
            let action = self.machine.timerFired(timer)
            #expect((action != .none) == (timer == self.timer), "seed \(self.seed)")
            if timer == self.timer {
                self.timer = nil
                self.fired += 1
            }
            self.carryOut(action)
        }

        /// One thing that happens, possible or not.
        mutating func step(_ random: inout SeededGenerator) {
            self.now += .milliseconds(Int.random(in: 0...8000, using: &random))
            let other = StreamRef(connection: Self.connection, generation: UInt64.random(in: 0...6, using: &random))
            let stream = Int.random(in: 0...3, using: &random) == 0 ? other : self.machine.stream
            switch Int.random(in: 0...99, using: &random) {
            case 0..<10: self.carryOut((try? self.machine.connectRequested()) ?? .none)
            case 10..<20: self.machine.transportUp(stream)
            case 20..<40:
                self.carryOut(self.machine.upgradeAccepted(stream, data: StreamInfo.Data(path: "/"), now: self.now))
            case 40..<43: self.machine.closeSeen(stream)
            case 43..<45: self.stepAside(stream, &random)
            case 45..<60: self.lose(stream)
            case 60..<72: self.decide(.retry(after: .seconds(Int.random(in: -1...9, using: &random))))
            case 72..<73: self.decide(.giveUp)
            case 73..<75: self.fire(Machine.Timer(number: UInt64.random(in: 0...6, using: &random)))
            case 75..<90: if let timer = self.timer { self.fire(timer) }
            case 90..<94: self.carryOut(self.machine.reconnectRequested(after: nil))
            case 94..<98: self.carryOut(self.machine.reconnectRequested(after: .seconds(1)))
            case 98: self.carryOut(self.machine.closeRequested())
            default: self.carryOut(self.machine.stopRequested(WebSocketError(.timedOut, "")), isStop: true)
            }
        }

        /// The user closes, and the transport ends: whatever was before, that is the end.
        mutating func end() {
            self.carryOut(self.machine.closeRequested())
            if let transport { self.lose(transport) }
        }
    }

    @Test("one end, no action after it, timers and transports balanced", arguments: 0..<40 as Range<UInt64>)
    func lives(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var reconnected = 0
        for _ in 0..<100 {
            var life = Life(seed: seed)
            for _ in 0..<Int.random(in: 0...120, using: &random) { life.step(&random) }
            life.end()
            #expect(life.ends == 1, "seed \(seed): \(life.ends) ends")
            #expect(life.armed == life.fired + life.cancelled && life.timer == nil, "seed \(seed): timers")
            #expect(life.opened == life.lost && life.transport == nil, "seed \(seed): transports")
            if life.announced.count > 1 { reconnected += 1 }
            // Nothing follows, whatever comes.
            for _ in 0..<30 { life.step(&random) }
            #expect(life.ends == 1 && life.machine.state.status.isTerminal, "seed \(seed)")
        }
        // The lives are worth something only if some of them get far.
        #expect(reconnected > 2, "seed \(seed): \(reconnected) lives came back")
    }
}
