import Glibc

/// Measures crowds of idle connections in the clear and with TLS, in turns.
struct CrowdRace {
    /// Connections in the clear; 0 leaves them out.
    var plain: Int
    /// Connections with TLS; 0 leaves them out.
    var secure: Int
    var rounds: Int
    /// How often the echoes beside the crowd and those of a process without one follow each other.
    var turns: Int
    /// How many are opened at a time.
    var concurrency: Int

    func run() throws -> [CrowdMeasurement] {
        // A client that has ended is told by the failure of the write.
        signal(SIGPIPE, SIG_IGN)
        let kinds = [(count: self.plain, isSecure: false), (count: self.secure, isSecure: true)].filter { $0.count > 0 }
        var progress = ProgressLine(total: kinds.count * self.rounds)
        defer { progress.clear() }
        var samples: [CrowdMeasurement] = []
        for round in 1...self.rounds {
            for (count, isSecure) in kinds {
                progress.advance("\(count) connections \(isSecure ? "with TLS" : "in the clear"), round \(round)")
                samples.append(try self.measure(count, isSecure: isSecure))
            }
        }
        return samples
    }

    private func measure(_ count: Int, isSecure: Bool) throws -> CrowdMeasurement {
        let certificate = LoadServerProcess.temporaryPath("crowd.pem")
        defer { unlink(certificate) }
        let server = try LoadServerProcess(arguments: ["--crowd"] + (isSecure ? ["--tls", certificate] : []))
        defer { server.stop() }
        let makeClient = {
            try CrowdClient(
                url: server.url,
                certificate: isSecure ? certificate : nil,
                concurrency: self.concurrency
            )
        }
        let crowd = try makeClient()
        let other = try makeClient()
        var result = CrowdMeasurement(isSecure: isSecure, connections: count, concurrency: self.concurrency)
        let empty = try crowd.open(0).resident
        var resident = empty
        for size in count > 1_000 ? [1_000, count] : [count] {
            let opened = try crowd.open(size)
            result.steps += opened.steps
            resident = opened.resident
            result.echoes.append(try self.echo(beside: size, of: crowd, other))
        }
        result.residentBytesPerConnection = Statistics.rounded(
            Double(resident - empty) * 1024 / Double(count),
            places: 0
        )
        result.shutdownSeconds = try crowd.end()
        _ = try other.end()
        return result
    }

    /// In turns, so that whatever else the machine does falls on both.
    private func echo(
        beside idle: Int,
        of crowd: CrowdClient,
        _ other: CrowdClient
    ) throws -> CrowdMeasurement.Echo {
        var echo = CrowdMeasurement.Echo(idle: idle, beside: [], alone: [])
        for _ in 0..<self.turns {
            echo.alone.append(try other.echo(1_000))
            echo.beside.append(try crowd.echo(1_000))
        }
        return echo
    }
}
