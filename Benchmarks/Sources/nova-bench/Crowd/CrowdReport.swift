import FoundationEssentials

/// What `crowd --json` writes: every sample, and enough about the machine to read them later.
struct CrowdReport: Codable {
    var date: String
    var machine: Machine
    var samples: [CrowdMeasurement]

    init(samples: [CrowdMeasurement]) {
        self.date = Date().ISO8601Format()
        self.machine = .current
        self.samples = samples
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(filePath: path))
    }
}
