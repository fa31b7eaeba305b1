import WebSocketNova

/// Many connections of one process that say nothing.
struct Crowd {
    var url: String
    var configuration: WebSocketConfiguration
    /// How many are being opened at a time.
    var concurrency: Int
    private(set) var sockets: [WebSocket] = []

    init(url: String, configuration: WebSocketConfiguration, concurrency: Int) {
        self.url = url
        self.configuration = configuration
        self.concurrency = concurrency
    }

    /// Opens connections until there are `count`, and measures each thousand of them, or as many as are opened at a time.
    mutating func grow(to count: Int) async throws -> [CrowdMeasurement.Step] {
        self.sockets.reserveCapacity(count)
        var steps: [CrowdMeasurement.Step] = []
        while self.sockets.count < count {
            let size = min(max(1_000, self.concurrency), count - self.sockets.count)
            let start = ProcessUsage.now()
            self.sockets += try await self.open(size)
            let spent = ProcessUsage.now() - start
            steps.append(
                CrowdMeasurement.Step(
                    open: self.sockets.count,
                    connectionsPerSecond: Statistics.rounded(
                        Double(size) / (Double(spent.wallNanoseconds) / 1e9),
                        places: 0
                    ),
                    cpuMicrosecondsPerConnection: Statistics.rounded(
                        Double(spent.cpuNanoseconds) / 1e3 / Double(size),
                        places: 1
                    )
                )
            )
        }
        return steps
    }

    private func open(_ count: Int) async throws -> [WebSocket] {
        let (url, configuration) = (self.url, self.configuration)
        return try await withThrowingTaskGroup(of: [WebSocket].self) { group in
            let workers = min(self.concurrency, count)
            for worker in 0..<workers {
                let share = count / workers + (worker < count % workers ? 1 : 0)
                group.addTask {
                    var opened: [WebSocket] = []
                    for _ in 0..<share {
                        opened.append(try await WebSocket.connect(to: url, configuration: configuration))
                    }
                    return opened
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    /// Fails if a connection has ended by itself.
    func check() throws {
        if let info = self.sockets.lazy.compactMap(\.closeInfo).first {
            throw BenchmarkError("a connection has ended: \(info)")
        }
    }
}
