import FoundationEssentials

/// The file of thresholds: what each message cost when they were last set, and how much more may be.
struct GateThresholds: Codable {
    struct Row: Codable {
        var name: String
        var allocations: Double
        /// How many more are still taken for the same.
        var allocationsTolerance: Double
        var instructions: Double
        /// In per cent.
        var instructionsTolerance: Double

        enum CodingKeys: String, CodingKey {
            case name, allocations, instructions
            case allocationsTolerance = "allocations_tolerance"
            case instructionsTolerance = "instructions_tolerance_percent"
        }
    }

    /// What the instructions depend on beside the library.
    var environment: [String: String]
    var rows: [Row]

    func row(named name: String) -> Row? { self.rows.first { $0.name == name } }

    /// Beside the package's manifest.
    static let committed = URL(
        filePath: "../../../thresholds.json",
        relativeTo: URL(filePath: #filePath).deletingLastPathComponent()
    )

    static func read(from file: URL) throws -> GateThresholds {
        try JSONDecoder().decode(GateThresholds.self, from: Data(contentsOf: file))
    }

    /// A line for each row, so that a change of one is a change of a line.
    func write(to file: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = { (value: any Encodable) in String(decoding: try encoder.encode(value), as: UTF8.self) }
        let rows = try self.rows.map { "  \(try text($0))" }.joined(separator: ",\n")
        let environment = try text(self.environment).replacing(",\"", with: ",\n  \"")
        try "{\"environment\":\n  \(environment),\n\"rows\": [\n\(rows)\n]}\n".write(
            to: file,
            atomically: true,
            encoding: .utf8
        )
    }
}

extension GateThresholds.Row {
    /// From several counts of the same: their median, with a tolerance of half as much again as the second highest was above
    /// it. The highest may be one of a moment at which the server had to wait for a processor; a row must fail three times.
    ///
    /// The least tolerances are those of reads: how many bytes there are to be read at a time depends on the server, and what
    /// a read takes is shared by its messages. Rows that are unsteady have a greater one, since a few counts may miss it.
    init(_ row: GateRow, counts: [GateCount]) {
        let median = GateCount.median(counts)
        let instructions = Self.secondHighest(counts.map(\.instructions)) - median.instructions
        let allocations = Self.secondHighest(counts.map(\.allocations)) - median.allocations
        let percent = 150 * instructions / median.instructions
        let more = 1.5 * allocations
        self.name = row.name
        self.instructions = Statistics.rounded(median.instructions, places: median.instructions < 1000 ? 1 : 0)
        self.instructionsTolerance = max(row.isUnsteady ? 40 : 5, percent.rounded(.up))
        self.allocations = Statistics.rounded(median.allocations, places: 3)
        self.allocationsTolerance = max(row.isUnsteady ? 0.2 : 0.05, (more * 100).rounded(.up) / 100)
    }

    private static func secondHighest(_ values: [Double]) -> Double {
        values.sorted().dropLast(values.count > 1 ? 1 : 0).last ?? .nan
    }
}
