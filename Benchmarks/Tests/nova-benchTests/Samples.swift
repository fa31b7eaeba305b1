@testable import nova_bench

/// A line of a run that took so much.
func measurement(_ name: String, _ plan: Plan, cpu: Double, p50: Double? = nil) throws -> Measurement {
    let echo = p50.map { "\"p50_us\":\($0),\"p99_us\":\($0 * 3),\"p999_us\":\($0 * 9)" }
    return try Measurement.parse(
        """
        {"name":"\(name)","mode":"\(plan.work.rawValue)","size":\(plan.size),"n":1000,"seconds":0.5,\
        "cpu_ns_per_msg":\(cpu),\(echo ?? "\"p50_us\":null,\"p99_us\":null,\"p999_us\":null"),"max_rss_kb":2048}
        """
    )
}

/// The rounds of one contestant.
func result(
    _ name: String,
    _ path: LibraryPath? = nil,
    plan: Plan = Plan(work: .flood, size: 125, count: 1000),
    cpu: [Double]
) throws -> RaceResult {
    let samples = try cpu.map { try measurement(name, plan, cpu: $0, p50: plan.work == .echo ? $0 : nil) }
    return RaceResult(plan: plan, contestant: name, path: path, samples: samples)
}

func report(_ results: [RaceResult], contestants: [Report.Entry] = [Report.Entry(name: "c", way: "by hand")]) -> Report
{
    var report = Report(results: results, contestants: [], rounds: 3, secondsPerRun: 0.5)
    report.date = "2026-01-02T03:04:05Z"
    report.machine = Machine(
        processor: "A & B",
        processors: 2,
        memoryMegabytes: 1024,
        kernel: "6.1.0-9",
        system: "Debian"
    )
    report.versions = Versions(library: "v1", swift: "6.3", libwebsockets: "4.1.6", openSSL: "3.0")
    report.contestants = contestants
    return report
}
