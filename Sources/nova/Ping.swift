import ArgumentParser
import WebSocketNova

/// `nova ping URL`: what ping(8) is to a host.
struct Ping: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure round trips with WebSocket pings.",
        discussion: "Goes on until Ctrl-C unless --count is given. The exit status is 0 if every ping was answered."
    )

    @Argument(help: "A ws or wss URL.")
    var url: String

    @Option(name: .shortAndLong, help: ArgumentHelp("How many pings to send.", valueName: "n"))
    var count: Int?

    @Option(name: .shortAndLong, help: ArgumentHelp("The time from one ping to the next.", valueName: "seconds"))
    var interval = 1.0

    @Option(help: ArgumentHelp("How many bytes each ping carries.", valueName: "bytes"))
    var size = 8

    @OptionGroup var options: ConnectionOptions

    func validate() throws {
        guard (0...125).contains(self.size) else {
            throw ValidationError("--size \(self.size) is not from 0 to 125 bytes, all that a ping can carry")
        }
        if let count, count < 1 { throw ValidationError("--count \(count) is less than 1") }
        guard (0...86_400).contains(self.interval) else {
            throw ValidationError("--interval \(self.interval) is not from 0 to 86400 seconds")
        }
    }

    func run() async throws {
        let interrupts = Interrupts()
        do {
            let opening = ContinuousClock.now
            let socket = try await interrupts.connect(to: self.url, configuration: self.options.configuration())
            try Console.print("connected to \(self.url) in \((ContinuousClock.now - opening).milliseconds)")
            let statistics = try await self.ping(socket)
            let info = try await socket.close()
            try Console.print("--- \(self.url): \(info)")
            try Console.print(statistics.description)
            guard info.wasClean else { throw ToolFailure("the connection did not end cleanly") }
            guard statistics.lost == 0 else { throw ToolFailure("\(statistics.lost) pings were not answered") }
        } catch {
            throw ToolFailure(error)
        }
    }

    private func ping(_ socket: WebSocket) async throws -> Statistics {
        var statistics = Statistics()
        let clock = ContinuousClock()
        var next = clock.now
        for number in 1... {
            statistics.sent += 1
            switch await self.answer(to: socket) {
            case .roundTrip(let time):
                statistics.roundTrips.append(time)
                try Console.print("pong \(number): \(time.milliseconds)")
            case .late:
                try Console.print("pong \(number): none within \(self.options.timeout) s")
            case .ended:
                // By an interrupt, or by the peer; the ping under way is nobody's loss.
                statistics.sent -= 1
                return statistics
            }
            if number == self.count { return statistics }
            next = max(next + .seconds(self.interval), clock.now)
            guard await self.wait(until: next, or: socket) else { return statistics }
        }
        return statistics
    }

    private enum Answer {
        case roundTrip(Duration)
        case late
        case ended
    }

    /// A ping has no deadline of its own, so that one is put beside it.
    private func answer(to socket: WebSocket) async -> Answer {
        await withTaskGroup(of: Answer.self) { group in
            group.addTask {
                do { return .roundTrip(try await socket.ping(self.payload())) } catch { return .ended }
            }
            group.addTask {
                // The deadline itself; cancelled when the answer comes first.
                try? await Task.sleep(for: .seconds(self.options.timeout))
                return .late
            }
            let first = await group.next() ?? .ended
            group.cancelAll()
            return first
        }
    }

    private func payload() -> [UInt8] {
        (0..<self.size).map { _ in UInt8.random(in: .min ... .max) }
    }

    /// - Returns: false if the connection has ended meanwhile.
    private func wait(until time: ContinuousClock.Instant, or socket: WebSocket) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                // The user's interval; cancelled when the connection ends first.
                try? await Task.sleep(until: time)
                return true
            }
            group.addTask {
                // Messages are of no interest here; the end of them is.
                do { while try await socket.nextMessage() != nil {} } catch is CancellationError { return true } catch {
                }
                return false
            }
            let isOpen = await group.next() ?? false
            group.cancelAll()
            return isOpen
        }
    }

    private struct Statistics: CustomStringConvertible {
        var sent = 0
        var roundTrips: [Duration] = []

        var lost: Int { self.sent - self.roundTrips.count }

        var description: String {
            var text = "\(self.sent) pings, \(self.roundTrips.count) pongs"
            if self.lost > 0 { text += ", \(self.lost * 100 / self.sent) % lost" }
            if let least = self.roundTrips.min(), let most = self.roundTrips.max() {
                let mean = self.roundTrips.reduce(.zero, +) / self.roundTrips.count
                text += "\nround trip min/avg/max: \(least.milliseconds) / \(mean.milliseconds) / \(most.milliseconds)"
            }
            return text
        }
    }
}
