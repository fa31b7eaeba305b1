import CWire

/// A client in C that is given a task.
enum CClient {
    typealias Run = (UnsafePointer<bench_task>, UnsafeMutablePointer<bench_result>) -> Int32

    /// - Parameter verifies: for tests: echoes are compared with what was sent.
    static func perform(_ assignment: Assignment, verifies: Bool, _ run: Run) throws -> Outcome {
        let work = try Self.work(assignment.work)
        var roundTrips = [UInt64](repeating: 0, count: assignment.work == .echo ? assignment.messages : 0)
        // A flood is not sent by the client.
        let payload = assignment.work == .flood ? [] : assignment.payload
        var result = bench_result()
        let status = roundTrips.withUnsafeMutableBufferPointer { roundTrips in
            payload.withUnsafeBufferPointer { payload in
                Self.withTask(assignment) { task in
                    task.work = work
                    task.payload = payload.baseAddress
                    task.round_trips_ns = roundTrips.baseAddress
                    task.verify = verifies
                    return run(&task, &result)
                }
            }
        }
        guard status == 0 else { throw BenchmarkError(Self.text(of: &result)) }
        return Outcome(
            messages: Int(result.messages),
            bytes: assignment.work == .sink ? nil : Int(result.bytes),
            roundTrips: roundTrips
        )
    }

    private static func work(_ work: Work) throws -> bench_work {
        switch work {
        case .flood: BENCH_FLOOD
        case .echo: BENCH_ECHO
        case .sink: BENCH_SINK
        case .json: throw BenchmarkError("the clients in C have no JSON")
        }
    }

    private static func withTask<Result>(_ assignment: Assignment, _ body: (inout bench_task) -> Result) -> Result {
        let server = assignment.server
        var task = bench_task()
        task.connections = UInt32(assignment.connections)
        task.count = UInt64(assignment.countPerConnection)
        task.size = assignment.size
        task.text = assignment.isText
        task.deflate = assignment.isCompressed
        return server.host.withCString { host in
            String(server.port).withCString { port in
                assignment.resource.withCString { resource in
                    task.host = host
                    task.port = port
                    task.resource = resource
                    task.tls = server.isSecure
                    guard let path = assignment.certificatePath else { return body(&task) }
                    return path.withCString { path in
                        task.certificate_path = path
                        return body(&task)
                    }
                }
            }
        }
    }

    private static func text(of result: inout bench_result) -> String {
        withUnsafeBytes(of: &result.error) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
