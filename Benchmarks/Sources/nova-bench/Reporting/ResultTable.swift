/// The table that `run` prints: medians over the rounds, with the spread from the lowest to the highest.
struct ResultTable {
    var results: [RaceResult]

    var text: String {
        let numbers = ["CPU ns/msg", "spread", "p50 us", "p99 us", "msg/s", "RSS MiB", "x C", "budget"]
        let header = ["work", "size", "contestant"] + numbers + [""]
        var rows: [[String]] = []
        for (index, result) in self.results.enumerated() {
            let isNewPlan = index == 0 || self.results[index - 1].plan != result.plan
            rows.append(Self.row(result, naming: isNewPlan))
        }
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        var lines = [Self.line(header, widths)]
        lines.append(String(repeating: "-", count: lines[0].count))
        for row in rows {
            if lines.count > 2, !row[0].isEmpty { lines.append("") }
            lines.append(Self.line(row, widths))
        }
        lines.append("")
        lines.append("CPU: user + system time of the client process. x C: median over the rounds of the ratio to the")
        lines.append("plain C client, of CPU per message (flood, sink) or of the p50 round trip (echo).")
        lines.append("FAIL: over twice the budget.")
        return lines.joined(separator: "\n")
    }

    private static func row(_ result: RaceResult, naming: Bool) -> [String] {
        let cpu = result.samples.map(\.cpuNanosecondsPerMessage)
        let optional = { (value: Double?) in value.map(numberText) ?? "" }
        return [
            naming ? result.plan.work.rawValue : "",
            naming ? byteText(result.plan.size) : "",
            result.contestant,
            numberText(Statistics.median(cpu)),
            "\(numberText(cpu.min() ?? 0))-\(numberText(cpu.max() ?? 0))",
            optional(result.median(\.p50)),
            optional(result.median(\.p99)),
            optional(result.median { Double($0.n) / $0.seconds }),
            optional(result.median { Double($0.peakResidentKilobytes) / 1024 }),
            decimalText(result.ratio, places: 2),
            result.budget.map { decimalText($0, places: 2) } ?? "",
            result.verdict?.rawValue ?? "",
        ]
    }

    private static func line(_ cells: [String], _ widths: [Int]) -> String {
        let texts = cells.indices.map { padded(cells[$0], to: widths[$0], right: $0 > 2 && $0 < cells.count - 1) }
        return texts.joined(separator: "  ").trimmingSpaces()
    }
}

extension String {
    fileprivate func trimmingSpaces() -> String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
