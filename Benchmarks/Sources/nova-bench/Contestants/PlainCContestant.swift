import CPlainClient

/// The plain blocking C client.
struct PlainCContestant: Contestant {
    let name = "c"
    let way = "blocking socket, 64 KiB reads and writes, own framing"
    let path: LibraryPath? = nil

    func perform(_ assignment: Assignment) async throws -> Outcome {
        guard self.can(assignment.work, with: assignment.features) else {
            throw BenchmarkError("the plain C client cannot do that")
        }
        var roundTrips = [UInt64](repeating: 0, count: assignment.work == .echo ? assignment.count : 0)
        let messages = try Self.withTarget(assignment) { target in
            var result = plain_client_result()
            let size = UInt64(assignment.size)
            let count = UInt64(assignment.count)
            let status =
                switch assignment.work {
                case .flood: plain_client_flood(target, count, &result)
                case .sink: plain_client_sink(target, size, count, &result)
                case .echo: plain_client_echo(target, size, count, &roundTrips, &result)
                case .json: Int32(-1)
                }
            guard status == 0 else { throw BenchmarkError("plain C client: \(Self.text(of: &result))") }
            return Int(result.messages)
        }
        return Outcome(messages: messages, roundTrips: roundTrips)
    }

    private static func withTarget<Result>(
        _ assignment: Assignment,
        _ body: (UnsafePointer<plain_client_target>) throws -> Result
    ) throws -> Result {
        let server = assignment.server
        return try server.host.withCString { host in
            try String(server.port).withCString { port in
                try assignment.resource.withCString { resource in
                    var target = plain_client_target(host: host, port: port, resource: resource)
                    return try body(&target)
                }
            }
        }
    }

    private static func text(of result: inout plain_client_result) -> String {
        withUnsafeBytes(of: &result.error) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
