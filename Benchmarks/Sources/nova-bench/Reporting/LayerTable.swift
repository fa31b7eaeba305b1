/// The table that `layer` prints: medians over the rounds.
struct LayerTable {
    var results: [RaceResult]

    var text: String {
        let lines = Self.table(
            ["work", "size", "contestant", "CPU ns/msg", "p50 us", "more", "spread", "budget", ""],
            self.results.map(Self.row)
        )
        let notes = [
            "", "more: than \(LayerPlan.baseline), the median over the rounds of the difference within each;",
            "nanoseconds of CPU per message, of an echo microseconds of its median round trip.",
        ]
        return (lines + notes).joined(separator: "\n")
    }

    private static func row(_ result: RaceResult) -> [String] {
        let differences = result.contestant == LayerPlan.baseline ? [] : result.differences
        let spread = differences.isEmpty ? "" : "\(signed(differences.min() ?? 0)) to \(signed(differences.max() ?? 0))"
        return [
            result.plan.work.rawValue,
            byteText(result.plan.size) + (result.plan.placement == .oneCore ? ", one core" : ""),
            result.contestant,
            numberText(result.median(\.cpuNanosecondsPerMessage) ?? 0),
            result.median(\.p50).map(numberText) ?? "",
            differences.isEmpty ? "" : signed(Statistics.median(differences)),
            spread,
            LayerPlan.budget(for: result).map { decimalText($0, places: 0) } ?? "",
            LayerPlan.verdict(of: result)?.rawValue ?? "",
        ]
    }

    private static func signed(_ value: Double) -> String {
        (value < 0 ? "-" : "+") + decimalText(abs(value), places: abs(value) < 10 ? 1 : 0)
    }

    private static func table(_ header: [String], _ rows: [[String]]) -> [String] {
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        let line = { (cells: [String]) in
            cells.indices.map { padded(cells[$0], to: widths[$0], right: $0 > 2 && $0 < cells.count - 1) }
                .joined(separator: "  ")
        }
        return [line(header)] + rows.map(line)
    }
}
