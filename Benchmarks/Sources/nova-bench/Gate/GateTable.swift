/// The table that `gate` prints.
struct GateTable {
    var results: [GateResult]

    private static let header = [
        "contestant", "work", "instructions", "threshold", "margin", "tolerance", "allocations", "threshold", "",
    ]

    var text: String {
        var table = TextTable(Self.header, words: 2)
        table.columns[table.columns.count - 1].isNumber = false
        table.rows = self.results.map(Self.row)
        return table.lines.joined(separator: "\n")
    }

    private static func row(_ result: GateResult) -> [String] {
        let threshold = result.threshold
        return [
            result.row.way,
            result.row.plan.title,
            numberText(result.count.instructions),
            threshold.map { numberText($0.instructions) } ?? "",
            result.instructionsMargin.map { "\($0 < 0 ? "-" : "+")\(decimalText(abs($0), places: 1)) %" } ?? "",
            threshold.map { "\(decimalText($0.instructionsTolerance, places: 0)) %" } ?? "",
            decimalText(result.count.allocations, places: 3),
            threshold.map { decimalText($0.allocations, places: 3) } ?? "",
            result.verdict.rawValue,
        ]
    }
}
