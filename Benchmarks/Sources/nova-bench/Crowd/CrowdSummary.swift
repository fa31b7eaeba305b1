/// The rounds of one kind of crowd: medians, and the budgets beside them.
struct CrowdSummary {
    var samples: [CrowdMeasurement]

    /// One for each kind of crowd that was measured.
    static func all(_ samples: [CrowdMeasurement]) -> [CrowdSummary] {
        [false, true].compactMap { isSecure in
            let own = samples.filter { $0.isSecure == isSecure }
            return own.isEmpty ? nil : CrowdSummary(samples: own)
        }
    }

    var isSecure: Bool { self.samples[0].isSecure }
    var connections: Int { self.samples[0].connections }

    func median(_ value: (CrowdMeasurement) -> Double) -> Double {
        Statistics.median(self.samples.map(value))
    }

    var residentBytes: Double { self.median(\.residentBytesPerConnection) }
    var echoRatio: Double { self.median(\.echoRatio) }

    /// Resident bytes of an idle connection.
    var residentBudget: Double { self.isSecure ? 45_000 : 5_000 }
    /// The round trip beside all others, as a multiple of the one beside none.
    static let echoBudget = 1.5

    var residentVerdict: Verdict? { Verdict(ratio: self.residentBytes, budget: self.residentBudget) }
    var echoVerdict: Verdict? { Verdict(ratio: self.echoRatio, budget: Self.echoBudget) }

    var isOverTwiceABudget: Bool { self.residentVerdict == .overTwice || self.echoVerdict == .overTwice }
}
