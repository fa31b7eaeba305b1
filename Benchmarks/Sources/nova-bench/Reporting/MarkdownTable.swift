/// The tables of a README: medians, a row for each client.
struct MarkdownTable {
    var report: Report
    /// Where the charts are that `plot` has drawn, as seen from the file that the tables are for; nil leaves them out.
    var charts: String?

    var text: String {
        var blocks = [self.head]
        blocks += self.tables(of: .messages)
        for (title, tables) in self.folded where !tables.isEmpty {
            blocks.append("<details><summary>\(title)</summary>")
            blocks += tables
            blocks.append("</details>")
        }
        return blocks.joined(separator: "\n\n") + "\n"
    }

    /// What stands behind the first tables, each part behind a line that opens it.
    private var folded: [(title: String, tables: [String])] {
        var parts = [PlanGroup.text, .tls, .deflate, .connections].map { ($0.title, self.tables(of: $0)) }
        parts.append((PlanGroup.connect.title, self.connect))
        parts.append((PlanGroup.idle.title, self.idle))
        parts.append((PlanGroup.startup.title, self.startup))
        parts.append(("Charts", self.images))
        parts.append(("How each client is used", [self.ways]))
        return parts
    }

    private var head: String {
        let versions = self.report.versions
        let placement =
            self.report.isPlaced
            ? " For an echo the server has a core of its own, unless it is said to be on one core." : ""
        return """
            Measured on \(self.report.date.prefix(10)): \(self.report.machine.text); WebSocketNova \(versions.library), \
            Swift \(versions.swift), libwebsockets \(versions.libwebsockets), OpenSSL \(versions.openSSL). The clients take \
            turns against one server on the same machine; medians of \(self.report.rounds) rounds. CPU is user and system \
            time of the client's process. × is the ratio to the plain C client, the practical limit, within each round.\
            \(placement)
            """
    }

    // MARK: Messages

    private func tables(of group: PlanGroup) -> [String] {
        self.report.parts(of: group).flatMap { part -> [String] in
            let table = self.table(part.rows) { result, plan in
                result.nanoseconds(plan).map { Self.cell($0, result) } ?? ""
            }
            var tables = ["**\(part.title)**: \(part.measure)\n\n\(table)"]
            if part.work == .echo, group == .messages { tables += self.tail(part) }
            // What is received was compressed by the server, the same for all.
            if group == .deflate, part.work == .sink { tables += self.wire(part.rows, part.title) }
            return tables
        }
    }

    /// The slowest round trips, of one size.
    private func tail(_ part: Report.Part) -> [String] {
        guard let row = part.rows.first(where: { $0.plan.size == 125 }) else { return [] }
        let lines = row.results.map { result in
            let percentiles = [result.p50, result.p99, result.p999].map { spread in
                spread.map { durationText(nanoseconds: $0.median * 1000) } ?? ""
            }
            let cpu = durationText(nanoseconds: result.cpuNanosecondsPerMessage.median)
            return [Self.label(result.contestant)] + percentiles + [cpu]
        }
        let header = ["client", "p50", "p99", "p99.9", "CPU"]
        let title = "Echo of \(byteText(row.plan.size))" + (part.isOneCore ? " on one core" : "")
        return ["**\(title)**: round trips, and client CPU for each\n\n\(Self.table(header, lines))"]
    }

    private func wire(_ rows: [Report.Row], _ title: String) -> [String] {
        guard rows.contains(where: { $0.results.contains { $0.wireRatio != nil } }) else { return [] }
        let table = self.table(rows) { result, _ in
            result.wireRatio.map { "\(decimalText($0 * 100, places: 0)) %" } ?? ""
        }
        return ["**\(title)**: bytes on the wire, of those of the messages\n\n\(table)"]
    }

    /// A row for each client, a column for each plan.
    private func table(_ rows: [Report.Row], _ cell: (Report.Result, Plan) -> String) -> String {
        let names = self.report.contestants.map(\.name).filter { name in
            rows.contains { $0.results.contains { $0.contestant == name } }
        }
        let lines = names.map { name in
            [Self.label(name)]
                + rows.map { row in row.results.first { $0.contestant == name }.map { cell($0, row.plan) } ?? "" }
        }
        return Self.table(["client"] + rows.map { Report.label($0.plan) }, lines)
    }

    private static func cell(_ value: Spread, _ result: Report.Result) -> String {
        let time = durationText(nanoseconds: value.median)
        guard let ratio = result.ratio, result.contestant != Contestants.baseline else { return time }
        return "\(time) · \(ratioText(ratio.median))"
    }

    // MARK: Connections and programs

    private var connect: [String] {
        let rows = self.report.rows(of: .connect)
        return rows.map { row in
            let lines = row.results.map { result in
                [
                    Self.label(result.contestant),
                    numberText(result.messagesPerSecond.median),
                    Self.cell(result.cpuNanosecondsPerMessage, result),
                ]
            }
            let title = "**\(row.plan.connections) at once, \(Report.label(row.plan))**"
            return "\(title)\n\n\(Self.table(["client", "connections/s", "CPU each"], lines))"
        }
    }

    private var idle: [String] {
        let lines = CrowdSummary.all(self.report.crowds).map { summary in
            let echoes = summary.samples[0].echoes
            return [
                "\(numberText(Double(summary.connections))) \(summary.isSecure ? "with TLS" : "in the clear")",
                "\(numberText(summary.residentBytes)) B",
                numberText(summary.median(\.connectionsPerSecond)),
                echoes.indices.map { index in
                    let ratio = summary.median { $0.echoes[index].ratio }
                    return "\(ratioText(ratio)) (beside \(numberText(Double(echoes[index].idle))))"
                }.joined(separator: ", "),
            ]
        }
        if lines.isEmpty { return [] }
        let header = ["WebSocketNova, one event loop", "resident each", "opened/s, 64 at a time", "echo, of one alone"]
        return [Self.table(header, lines)]
    }

    private var startup: [String] {
        if self.report.startup.isEmpty { return [] }
        let labels = ["c": "plain C", "nova": "WebSocketNova", "nova-static": "WebSocketNova, `--static-swift-stdlib`"]
        let lines = self.report.startup.map { measurement in
            let time = { (values: [Double]) in decimalText(Statistics.median(values), places: 1) + " ms" }
            return [
                labels[measurement.name] ?? measurement.name, time(measurement.echoMilliseconds),
                time(measurement.exitMilliseconds), StartupTable.kibibytes(measurement.fileBytes) + " KiB",
                measurement.strippedBytes.map { StartupTable.kibibytes($0) + " KiB" } ?? "",
            ]
        }
        return [Self.table(["program", "to the first echo", "does nothing", "file", "stripped"], lines)]
    }

    private var images: [String] {
        guard let charts else { return [] }
        return self.report.charts.map { "![\(Self.escaped($1.title))](\(charts)/\($0).svg)" }
    }

    private var ways: String {
        self.report.contestants.map { "- \(Self.label($0.name)): \($0.way)" }.joined(separator: "\n")
    }

    // MARK: Markdown

    private static func label(_ name: String) -> String {
        let style = ContestantStyle.of(name)
        return style.isOwn ? "**\(self.escaped(style.label))**" : self.escaped(style.label)
    }

    /// The first column is of words, the others of numbers.
    static func table(_ header: [String], _ rows: [[String]]) -> String {
        let line = { (cells: [String]) in "| \(cells.joined(separator: " | ")) |" }
        let rule = "|---|" + String(repeating: "--:|", count: max(0, header.count - 1))
        return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
    }

    static func escaped(_ text: String) -> String {
        text.map { "|*_`<[\\".contains($0) ? "\\\($0)" : String($0) }.joined()
    }
}
