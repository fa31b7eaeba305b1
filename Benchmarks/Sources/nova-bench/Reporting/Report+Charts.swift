extension Report {
    /// A chart for each kind of work, with the name of its file.
    var charts: [(name: String, chart: BarChart)] {
        PlanGroup.allCases.flatMap { group in
            Self.works.compactMap { work in
                let rows = self.rows(of: group).filter { $0.plan.work == work }
                return rows.isEmpty ? nil : (Self.name(group, work), self.chart(group, work, rows))
            }
        }
    }

    /// In the order in which they are shown.
    static let works: [Work] = [.flood, .sink, .echo]

    private static func name(_ group: PlanGroup, _ work: Work) -> String {
        group == .connect ? group.rawValue : "\(group.rawValue)-\(work.rawValue)"
    }

    private func chart(_ group: PlanGroup, _ work: Work, _ rows: [Row]) -> BarChart {
        let names = self.contestants.map(\.name).filter { name in
            rows.contains { $0.results.contains { $0.contestant == name } }
        }
        return BarChart(
            title: Self.title(group, work) + ": " + Self.measure(group, work),
            subtitle: "\(self.date.prefix(10)), \(self.machine.text)",
            axis: Self.measure(group, work),
            caption: Self.caption,
            series: names.map { name in
                let style = ContestantStyle.of(name)
                return BarChart.Series(name: name, label: style.label, colour: style.colour)
            },
            groups: rows.map { row in
                BarChart.Group(label: Self.label(row.plan), bars: row.results.compactMap { Self.bar($0, row.plan) })
            }
        )
    }

    private static let caption = """
        Medians; lower is better. Above the bars: × plain C. Lines: from the lowest to the highest round. The scale is \
        logarithmic.
        """

    static func measure(_ group: PlanGroup, _ work: Work) -> String {
        if group == .connect { return "client CPU per connection" }
        return work == .echo ? "median round trip" : "client CPU per message"
    }

    static func title(_ group: PlanGroup, _ work: Work) -> String {
        let verb =
            switch work {
            case .flood: "Receiving"
            case .sink: "Sending"
            case .echo: "Echo"
            case .json: "Receiving JSON"
            }
        return switch group {
        case .messages: verb
        case .text: "\(verb), text with validation"
        case .tls: "\(verb), TLS"
        case .deflate: "\(verb), permessage-deflate"
        case .connections: "\(verb), several connections"
        case .connect: "Opening and closing a connection"
        case .idle, .startup: group.title
        }
    }

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
