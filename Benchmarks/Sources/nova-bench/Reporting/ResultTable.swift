/// The table that `run` prints: medians over the rounds, with the spread from the lowest to the highest.
struct ResultTable {
    var report: Report

    var text: String {
        var lines: [String] = []
        for group in PlanGroup.allCases {
            let rows = self.report.rows(of: group)
            if rows.isEmpty { continue }
            lines += ["\(group.title)", ""]
            lines += group == .connect ? Self.connections(rows).lines : Self.messages(rows).lines
            lines.append("")
        }
        if !self.report.rows.isEmpty { lines += Self.legend + (self.report.isPlaced ? Self.placements : []) + [""] }
        if !self.report.crowds.isEmpty {
            lines += [CrowdTable(summaries: CrowdSummary.all(self.report.crowds)).text, ""]
        }
        if !self.report.startup.isEmpty { lines += StartupTable(self.report.startup).lines + [""] }
        lines += self.report.failures.map { "not measured: \($0)" }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines.joined(separator: "\n")
    }

    private static let legend = [
        "CPU: user + system time of the client process. x C: median over the rounds of the ratio to the plain C client,",
        "of CPU per message (flood, sink) or of the p50 round trip (echo). wire: bytes on the wire per byte of payload.",
        "budget: at most so many times the client that is named, and what was measured where that is not the plain C",
        "client. FAIL: over twice a budget.",
    ]

    private static let placements = [
        "An echo's server has a core of its own; one core: it shares that with the client."
    ]

    private static func messages(_ rows: [Report.Row]) -> TextTable {
        let numbers = ["CPU ns/msg", "spread", "p50 us", "p99 us", "p99.9 us", "msg/s", "RSS MiB", "wire", "x C"]
        var table = TextTable(["work", "size", "", "contestant"] + numbers + ["budget", ""], words: 4)
        for last in [13, 14] { table.columns[last].isNumber = false }
        for row in rows {
            if !table.rows.isEmpty { table.breaks.insert(table.rows.count) }
            for (index, result) in row.results.enumerated() {
                let number = { (spread: Spread?) in spread.map { numberText($0.median) } ?? "" }
                table.rows.append([
                    index == 0 ? row.plan.work.rawValue : "",
                    index == 0 ? byteText(row.plan.size) : "",
                    index == 0 ? Self.variant(row.plan) : "",
                    result.contestant,
                    number(result.cpuNanosecondsPerMessage),
                    Self.range(result.cpuNanosecondsPerMessage),
                    number(result.p50),
                    number(result.p99),
                    number(result.p999),
                    number(result.messagesPerSecond),
                    numberText(result.peakResidentKilobytes / 1024),
                    result.wireRatio.map { decimalText($0, places: 2) } ?? "",
                    result.ratio.map { decimalText($0.median, places: 2) } ?? "",
                    result.budgets.map(Self.text).joined(separator: ", "),
                    result.verdict?.rawValue ?? "",
                ])
            }
        }
        return table
    }

    private static func variant(_ plan: Plan) -> String {
        var words: [String] = []
        if plan.connections > 1 { words.append("\(plan.connections) conn.") }
        if plan.placement == .oneCore { words.append("one core") }
        return words.joined(separator: ", ")
    }

    private static func connections(_ rows: [Report.Row]) -> TextTable {
        var table = TextTable(
            ["work", "contestant", "connections/s", "CPU us each", "spread", "RSS MiB", "x C"],
            words: 2
        )
        for row in rows {
            if !table.rows.isEmpty { table.breaks.insert(table.rows.count) }
            for (index, result) in row.results.enumerated() {
                let cpu = result.cpuNanosecondsPerMessage
                table.rows.append([
                    index == 0 ? row.plan.title : "",
                    result.contestant,
                    numberText(result.messagesPerSecond.median),
                    numberText(cpu.median / 1000),
                    "\(numberText(cpu.low / 1000))-\(numberText(cpu.high / 1000))",
                    numberText(result.peakResidentKilobytes / 1024),
                    result.ratio.map { decimalText($0.median, places: 2) } ?? "",
                ])
            }
        }
        return table
    }

    private static func range(_ spread: Spread) -> String { "\(numberText(spread.low))-\(numberText(spread.high))" }

    private static func text(_ check: BudgetCheck) -> String {
        let limit = "\(decimalText(check.limit, places: 2)) \(check.reference)"
        return check.reference == Contestants.baseline ? limit : "\(limit): \(decimalText(check.ratio, places: 2))"
    }
}
