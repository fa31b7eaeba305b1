extension Report {
    /// The rows that stand in one table and one chart: of each size there is one, or one with each number of connections.
    struct Part: Sendable {
        var group: PlanGroup
        var work: Work
        var isOneCore: Bool
        var rows: [Row]

        /// What the plans are judged by.
        var measure: String {
            if self.group == .connect { return "client CPU per connection" }
            return self.work == .echo ? "median round trip" : "client CPU per message"
        }
    }

    /// In the order in which they are shown.
    func parts(of group: PlanGroup) -> [Part] {
        [Work.flood, .sink, .echo].flatMap { work in
            [false, true].compactMap { isOneCore in
                let rows = self.rows(of: group)
                    .filter { $0.plan.work == work && ($0.plan.placement == .oneCore) == isOneCore }
                return rows.isEmpty ? nil : Part(group: group, work: work, isOneCore: isOneCore, rows: rows)
            }
        }
    }

    /// A chart for each part, with the name of its file.
    var charts: [(name: String, chart: BarChart)] {
        PlanGroup.allCases.flatMap { group in
            self.parts(of: group).map { ($0.fileName, self.chart($0)) }
        }
    }

    private func chart(_ part: Part) -> BarChart {
        let names = self.contestants.map(\.name).filter { name in
            part.rows.contains { $0.results.contains { $0.contestant == name } }
        }
        return BarChart(
            title: "\(part.title): \(part.measure)",
            subtitle: "\(self.date.prefix(10)), \(self.machine.text)",
            axis: part.measure,
            caption: Self.caption,
            series: names.map { name in
                let style = ContestantStyle.of(name)
                return BarChart.Series(name: name, label: style.label, colour: style.colour)
            },
            groups: part.rows.map { row in
                BarChart.Group(label: Self.label(row.plan), bars: row.results.compactMap { Self.bar($0, row.plan) })
            }
        )
    }

    private static let caption = """
        Medians; lower is better. Above the bars: × plain C. Lines: from the lowest to the highest round. The scale is \
        logarithmic.
        """

    static func label(_ plan: Plan) -> String {
        if plan.group == .connect { return plan.isSecure ? "TLS" : "in the clear" }
        return plan.connections > 1 ? "\(plan.connections) × \(byteText(plan.size))" : byteText(plan.size)
    }

    private static func bar(_ result: Result, _ plan: Plan) -> BarChart.Bar? {
        guard let value = result.nanoseconds(plan) else { return nil }
        let note = result.contestant == Contestants.baseline ? "" : result.ratio.map { ratioText($0.median) } ?? ""
        return BarChart.Bar(series: result.contestant, value: value, note: note)
    }
}

extension Report.Part {
    var title: String {
        let verb =
            switch self.work {
            case .flood: "Receiving"
            case .sink: "Sending"
            case .echo: self.isOneCore ? "Echo on one core" : "Echo"
            case .json: "Receiving JSON"
            }
        return switch self.group {
        case .messages: verb
        case .text: "\(verb), text with validation"
        case .tls: "\(verb), TLS"
        case .deflate: "\(verb), permessage-deflate"
        case .connections: "\(verb), several connections"
        case .connect: "Opening and closing a connection"
        case .idle, .startup: self.group.title
        }
    }

    fileprivate var fileName: String {
        if self.group == .connect { return self.group.rawValue }
        return "\(self.group.rawValue)-\(self.work.rawValue)" + (self.isOneCore ? "-one-core" : "")
    }
}

extension Report.Result {
    /// What the plan is judged by.
    func nanoseconds(_ plan: Plan) -> Spread? {
        guard plan.work == .echo, plan.group != .connect else { return self.cpuNanosecondsPerMessage }
        return self.p50.flatMap { Spread([$0.low * 1000, $0.median * 1000, $0.high * 1000]) }
    }
}

extension Machine {
    var text: String {
        "\(self.processor), \(self.processors) processors, Linux \(self.kernel.prefix { $0 != "-" }), \(self.system)"
    }
}
