import TestSupport
import Testing

@testable import LWSTransport

@Suite("The gate through which connections are opened")
struct OpeningGateTests {
    private typealias Gate = OpeningGate<Int>
    private static let patience = Gate.patience

    private static func full(at now: Duration = .zero) -> (gate: Gate, tickets: [Gate.Ticket]) {
        var gate = Gate()
        let tickets = (0..<Gate.width).map { number in
            let (ticket, isInside) = gate.arrive(number, now: now)
            #expect(isInside)
            return ticket
        }
        return (gate, tickets)
    }

    @Test func `who comes when it is full waits until somebody leaves`() {
        var (gate, tickets) = Self.full()
        #expect(gate.arrive(-1, now: .zero).isInside == false)
        #expect(gate.arrive(-2, now: .zero).isInside == false)
        #expect(gate.next(now: .zero) == nil)
        gate.leave(tickets[7])
        #expect(gate.next(now: .zero) == -1)
        #expect(gate.next(now: .zero) == nil)
        #expect(gate.insideCount == Gate.width && gate.waitingCount == 1)
    }

    @Test func `who arrives does not pass those who wait`() {
        var (gate, tickets) = Self.full()
        #expect(gate.arrive(-1, now: .zero).isInside == false)
        gate.leave(tickets[0])
        #expect(gate.arrive(-2, now: .zero).isInside == false)
        #expect(gate.next(now: .zero) == -1)
    }

    @Test func `leaving twice makes room once`() {
        var (gate, tickets) = Self.full()
        for number in 1...3 { #expect(gate.arrive(-number, now: .zero).isInside == false) }
        gate.leave(tickets[3])
        gate.leave(tickets[3])
        #expect(gate.next(now: .zero) == -1)
        #expect(gate.next(now: .zero) == nil)
    }

    @Test func `who gives up waiting is passed over`() {
        var (gate, tickets) = Self.full()
        let first = gate.arrive(-1, now: .zero)
        #expect(gate.arrive(-2, now: .zero).isInside == false)
        gate.leave(first.ticket)
        #expect(gate.waitingCount == 1)
        gate.leave(tickets[0])
        #expect(gate.next(now: .zero) == -2)
        #expect(gate.nextEntrance == nil)
    }

    @Test func `those who take long do not hold up others`() {
        var (gate, tickets) = Self.full(at: .seconds(1))
        #expect(gate.arrive(-1, now: .seconds(1)).isInside == false)
        let time = Duration.seconds(1) + Self.patience
        #expect(gate.nextEntrance == time)
        #expect(gate.next(now: time - .nanoseconds(1)) == nil)
        #expect(gate.next(now: time) == -1)
        #expect(gate.insideCount == 1)
        // They are outside already: their leaving makes no further room.
        for ticket in tickets { gate.leave(ticket) }
        #expect(gate.insideCount == 1)
    }

    @Test func `without anybody waiting there is nothing to wake up for`() {
        let (gate, _) = Self.full()
        #expect(gate.nextEntrance == nil)
    }

    /// Against a plain model: an array of those inside and one of those who wait.
    @Test func `it agrees with a model`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        var gate = Gate()
        var inside: [(ticket: Gate.Ticket, entered: Duration)] = []
        var line: [(ticket: Gate.Ticket, member: Int)] = []
        var now = Duration.zero
        for step in 0..<20_000 {
            now += .microseconds(Int(generator.next() % 500))
            inside.removeAll { $0.entered + Self.patience <= now }
            switch generator.next() % 5 {
            case 0, 1, 2:
                let (ticket, isInside) = gate.arrive(step, now: now)
                #expect(isInside == (line.isEmpty && inside.count < Gate.width), "seed \(seed), step \(step)")
                if isInside { inside.append((ticket, now)) } else { line.append((ticket, step)) }
            case 3 where !inside.isEmpty:
                let index = Int(generator.next() % UInt64(inside.count))
                gate.leave(inside.remove(at: index).ticket)
            case 4 where !line.isEmpty:
                let index = Int(generator.next() % UInt64(line.count))
                gate.leave(line.remove(at: index).ticket)
            default:
                break
            }
            while let member = gate.next(now: now) {
                #expect(line.first?.member == member, "seed \(seed), step \(step)")
                guard !line.isEmpty else { return }
                inside.append((line.removeFirst().ticket, now))
            }
            #expect(gate.insideCount == inside.count && gate.waitingCount == line.count, "seed \(seed), step \(step)")
            #expect(line.isEmpty || inside.count == Gate.width, "seed \(seed), step \(step)")
        }
    }
}
