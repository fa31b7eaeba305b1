/// What `crowd` prints: medians over the rounds.
struct CrowdTable {
    var summaries: [CrowdSummary]

    var text: String {
        var lines: [String] = []
        for summary in self.summaries {
            lines.append("\(summary.connections) idle connections, \(summary.isSecure ? "TLS" : "in the clear")")
            lines.append(contentsOf: Self.figures(summary).map { "  " + $0 })
            lines.append(contentsOf: Self.steps(summary).map { "  " + $0 })
            lines.append("")
        }
        lines.append("Memory: growth of the resident set. CPU: user + system time of the client process.")
        lines.append("FAIL: over twice the budget.")
        return lines.joined(separator: "\n")
    }

    private static func figures(_ summary: CrowdSummary) -> [String] {
        let rate = summary.median(\.connectionsPerSecond)
        let memory = Self.verdict(
            "\(numberText(summary.residentBytes)) B resident each",
            "\(numberText(summary.residentBudget)) B",
            summary.residentVerdict
        )
        let echo = Self.verdict(
            "echo beside them \(decimalText(summary.echoRatio, places: 2)) x alone",
            "\(decimalText(CrowdSummary.echoBudget, places: 2)) x",
            summary.echoVerdict
        )
        let echoes = summary.samples[0].echoes.indices.map { index in
            let echo = summary.samples[0].echoes[index]
            let beside = summary.median { Statistics.median($0.echoes[index].beside.map(\.p50)) }
            let alone = summary.median { Statistics.median($0.echoes[index].alone.map(\.p50)) }
            let ratio = summary.median { $0.echoes[index].ratio }
            return "echo beside \(echo.idle): p50 \(numberText(beside)) us, alone in turns with it"
                + " \(numberText(alone)) us, \(decimalText(ratio, places: 2)) x"
        }
        return [
            "\(numberText(rate)) connections/s, \(summary.samples[0].concurrency) at a time", memory, echo,
        ] + echoes + ["shut down with all open in \(decimalText(summary.median(\.shutdownSeconds), places: 2)) s"]
    }

    private static func verdict(_ figure: String, _ budget: String, _ verdict: Verdict?) -> String {
        "\(figure), budget \(budget): \(verdict?.rawValue ?? "-")"
    }

    /// The connect rate as the number of connections grows.
    private static func steps(_ summary: CrowdSummary) -> [String] {
        let header = ["open", "connections/s", "CPU us each"]
        let rows = summary.samples[0].steps.indices.map { index in
            [
                String(summary.samples[0].steps[index].open),
                numberText(summary.median { $0.steps[index].connectionsPerSecond }),
                numberText(summary.median { $0.steps[index].cpuMicrosecondsPerConnection }),
            ]
        }
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        return ([header] + rows).map { row in
            row.indices.map { padded(row[$0], to: widths[$0]) }.joined(separator: "  ")
        }
    }
}
