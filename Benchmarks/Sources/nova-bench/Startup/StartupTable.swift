/// The start of small programs, and their sizes.
struct StartupTable {
    var lines: [String]

    init(_ measurements: [StartupMeasurement]) {
        var table = TextTable(
            ["program", "first echo ms", "spread", "does nothing ms", "spread", "file KiB", "stripped KiB"],
            words: 1
        )
        table.rows = measurements.map { measurement in
            [measurement.name]
                + [measurement.echoMilliseconds, measurement.exitMilliseconds].flatMap(Self.cells)
                + [Self.kibibytes(measurement.fileBytes), measurement.strippedBytes.map(Self.kibibytes) ?? ""]
        }
        self.lines = [PlanGroup.startup.title, ""] + table.lines
    }

    private static func cells(_ values: [Double]) -> [String] {
        guard let spread = Spread(values) else { return ["", ""] }
        let text = { decimalText($0, places: 1) }
        return [text(spread.median), "\(text(spread.low))-\(text(spread.high))"]
    }

    static func kibibytes(_ bytes: Int) -> String { numberText((Double(bytes) / 1024).rounded()) }
}
