import FoundationEssentials
import Testing

@testable import nova_bench

@Suite struct ReportTests {
    private let echo = Plan(work: .echo, size: 125, count: 1000)
    private let entries = [
        Report.Entry(name: "c", way: "by hand"), Report.Entry(name: "nova-async", way: "for <await>"),
    ]

    private func sample() throws -> Report {
        var slower = Plan(work: .flood, size: 125, count: 500)
        slower.count = 500
        return report(
            [
                try result("c", cpu: [50, 60, 70]),
                try result("nova-async", .asyncOnDefaultExecutor, plan: slower, cpu: [100, 150, 140]),
                try result("c", plan: self.echo, cpu: [20, 21, 22]),
            ],
            contestants: self.entries
        )
    }

    @Test func resultsOfAPlanAreARowWhateverTheirCounts() throws {
        let report = try self.sample()
        #expect(report.rows.map { $0.results.map(\.contestant) } == [["c", "nova-async"], ["c"]])
        #expect(report.rows[0].results.map(\.count) == [1000, 500])
        #expect(report.rows[0].results[1].ratio == Spread([2, 2.5, 2]))
        #expect(report.rows[0].results[1].verdict == .within)
        #expect(report.rows[1].results[0].p999?.median == 189)
    }

    @Test func withoutThePlainClientThereAreNoRatios() throws {
        let report = report([try result("nova-async", .asyncOnDefaultExecutor, cpu: [100])])
        #expect(report.rows[0].results[0].ratio == nil)
        #expect(report.rows[0].results[0].verdict == nil)
    }

    @Test func whatIsWrittenIsRead() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "nova-bench-\(UInt64.random(in: 0 ... .max))")
            .path
        defer { try? FileManager.default.removeItem(atPath: path) }
        var report = try self.sample()
        report.failures = ["nio, echo: exit status 1"]
        try report.write(to: path)
        let read = try Report.read(path)
        #expect(read.rows.map(\.plan) == report.rows.map(\.plan))
        #expect(read.rows[0].results[1].budgets == report.rows[0].results[1].budgets)
        #expect(read.rows[0].results[1].samples.map(\.cpuNanosecondsPerMessage) == [100, 150, 140])
        #expect(read.machine == report.machine && read.versions == report.versions)
        #expect(read.failures == report.failures)
        #expect(throws: BenchmarkError.self) { try Report.read(path + ".missing") }
        try "{}".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: BenchmarkError.self) { try Report.read(path) }
    }

    @Test func theTableOfARunShowsSpreadRatioAndVerdict() throws {
        let lines = ResultTable(report: try self.sample()).text.split(separator: "\n").map(String.init)
        #expect(
            lines.contains(
                "flood  125 B  c                 60.0  50.0-70.0                            2,000     2.00  1.00"
            )
        )
        let own = try #require(lines.first { $0.contains("nova-async") })
        #expect(own.contains("100-150") && own.contains("2.00  2.50 c  ok"))
        #expect(lines.allSatisfy { !$0.hasSuffix(" ") && $0.count <= 140 })
        // Nothing was compressed, and on one connection.
        #expect(!lines.contains { $0.contains("wire  ") })
    }

    /// An echo of 125 bytes in both placements, with plain C at 60 and at 14 us.
    static func placed() throws -> Report {
        let plans = [Placement.apart, .oneCore].map { Plan(work: .echo, size: 125, count: 1, placement: $0) }
        return report(
            [
                try result("c", plan: plans[0], cpu: [60]),
                try result("nova-handler", .handlerOnLoop, plan: plans[0], cpu: [66]),
                try result("c", plan: plans[1], cpu: [14]),
                try result("nova-handler", .handlerOnLoop, plan: plans[1], cpu: [28]),
            ],
            contestants: [Report.Entry(name: "c", way: "C"), Report.Entry(name: "nova-handler", way: "handler")]
        )
    }

    @Test func anEchoOnOneCoreIsARowOfItsOwn() throws {
        let report = try Self.placed()
        #expect(report.rows.map { $0.results.map { $0.ratio?.median } } == [[1, 1.1], [1, 2]])
        #expect(report.rows.map { $0.results.map(\.verdict) } == [[nil, .within], [nil, .over]])
        let text = ResultTable(report: report).text
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(lines.contains { $0.hasPrefix("echo 125 B c 60.0 ") })
        #expect(lines.contains { $0.hasPrefix("echo 125 B one core c 14.0 ") })
        #expect(text.contains("one core: it shares that with the client."))
        #expect(try !ResultTable(report: self.sample()).text.contains("one core"))
    }

    @Test func failuresAreSaid() throws {
        var report = try self.sample()
        report.failures = ["nio, echo: exit status 1"]
        #expect(ResultTable(report: report).text.hasSuffix("not measured: nio, echo: exit status 1"))
    }

    @Test func columnsWithoutAnythingAreLeftOut() {
        var table = TextTable(["a", "b", "c"], words: 1)
        table.rows = [["x", "", "1"], ["long", "", "20"]]
        #expect(table.lines == ["a      c", "x      1", "long  20"])
    }
}

@Suite struct MarkdownTableTests {
    @Test func eachClientIsARowAndEachSizeAColumn() throws {
        let large = Plan(work: .flood, size: 1 << 20, count: 1)
        let report = report(
            [
                try result("c", cpu: [50]), try result("nova-async", .asyncOnLoop, cpu: [110]),
                try result("c", plan: large, cpu: [300_000]),
            ],
            contestants: [Report.Entry(name: "c", way: "by *hand*"), Report.Entry(name: "nova-async", way: "await")]
        )
        let text = MarkdownTable(report: report).text
        #expect(
            text.contains(
                """
                **Receiving**: client CPU per message

                | client | 125 B | 1 MiB |
                |---|--:|--:|
                | plain C | 50 ns | 300 µs |
                | **WebSocketNova, async** | 110 ns · 2.20× |  |
                """
            )
        )
        #expect(
            text.hasPrefix(
                "Measured on 2026-01-02: A & B, 2 processors, Linux 6.1.0, Debian; WebSocketNova v1, Swift 6.3,"
            )
        )
        #expect(!text.contains("Echo") && !text.contains("!["))
        let charted = MarkdownTable(report: report, charts: "Charts").text
        #expect(charted.contains("![Receiving: client CPU per message](Charts/messages-flood.svg)"))
    }

    @Test func anEchoOnOneCoreHasATableOfItsOwn() throws {
        let text = MarkdownTable(report: try ReportTests.placed()).text
        #expect(
            text.contains(
                """
                **Echo**: median round trip

                | client | 125 B |
                |---|--:|
                | plain C | 60 µs |
                | **WebSocketNova, handler** | 66 µs · 1.10× |
                """
            )
        )
        #expect(
            text.contains(
                """
                **Echo on one core**: median round trip

                | client | 125 B |
                |---|--:|
                | plain C | 14 µs |
                | **WebSocketNova, handler** | 28 µs · 2.00× |
                """
            )
        )
        #expect(text.contains("| plain C | 60 µs | 180 µs |") && text.contains("| plain C | 14 µs | 42 µs |"))
        #expect(text.contains("within each round. For an echo the server has a core of its own"))
    }

    @Test func textIsEscaped() {
        #expect(MarkdownTable.escaped("a|b*c<d>`_[") == "a\\|b\\*c\\<d>\\`\\_\\[")
    }
}

@Suite struct BarChartTests {
    private func chart(_ values: [Double], label: String = "plain C") throws -> BarChart {
        BarChart(
            title: "Receiving <all> & \"more\"",
            subtitle: "here",
            axis: "CPU",
            caption: "read it",
            series: [BarChart.Series(name: "c", label: label, colour: "#808080")],
            groups: try values.map { value in
                let spread = try #require(Spread([value * 0.9, value, value * 1.1]))
                return BarChart.Group(label: "x", bars: [BarChart.Bar(series: "c", value: spread, note: "1.00×")])
            }
        )
    }

    @Test func textIsEscaped() throws {
        #expect(BarChart.escaped("a<b>&\"c\"'") == "a&lt;b&gt;&amp;&quot;c&quot;'")
        let svg = try self.chart([10], label: "<script>").svg
        #expect(!svg.contains("<script>") && svg.contains("&lt;script&gt;"))
        #expect(svg.contains("Receiving &lt;all&gt; &amp; &quot;more&quot;"))
    }

    @Test func theScaleHasRoomBelowAndAbove() throws {
        let chart = try self.chart([66, 320_000])
        #expect(chart.decades == 1...6)
        #expect(chart.height(of: 10) == 0 && chart.height(of: 1e6) == 1)
        #expect(abs(chart.height(of: 1000) - 0.4) < 1e-9)
        #expect(chart.height(of: 0) == 0 && chart.height(of: 1e9) == 1)
        // A value at a power of ten would have no bar.
        #expect(try self.chart([100]).decades == 1...3)
        #expect(try self.chart([]).decades == 0...1)
    }

    @Test func eachValueHasItsBar() throws {
        let svg = try self.chart([10, 100, 1000]).svg
        #expect(svg.components(separatedBy: "<title>plain C: ").count == 4)
        #expect(svg.components(separatedBy: "<g").count == svg.components(separatedBy: "</g>").count)
        #expect(svg.contains("prefers-color-scheme: dark"))
        #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n"))
    }

    @Test func thereIsAChartForEachKindOfWork() throws {
        let echo = Plan(work: .echo, size: 125, count: 1)
        let secure = Plan(group: .tls, work: .flood, size: 125, count: 1, isSecure: true)
        let report = report([
            try result("c", plan: echo, cpu: [20]), try result("c", cpu: [66]),
            try result("c", plan: secure, cpu: [200]),
        ])
        #expect(report.charts.map(\.name) == ["messages-flood", "messages-echo", "tls-flood"])
        #expect(report.charts[1].chart.groups[0].bars[0].value.median == 20_000)
        #expect(report.charts[2].chart.title == "Receiving, TLS: client CPU per message")
    }

    @Test func anEchoOnOneCoreHasAChartOfItsOwn() throws {
        let charts = try ReportTests.placed().charts
        #expect(charts.map(\.name) == ["messages-echo", "messages-echo-one-core"])
        #expect(
            charts.map { $0.chart.groups.map { $0.bars.map(\.value.median) } } == [
                [[60_000, 66_000]], [[14_000, 28_000]],
            ]
        )
        #expect(charts.map(\.chart.title) == ["Echo: median round trip", "Echo on one core: median round trip"])
    }

    @Test func everyContestantHasAColourOfItsOwn() {
        let foreign = [
            "lws", "beast", "beast-buffered", "nio", "nio-async", "nio-async-loop", "picows", "websockets", "aiohttp",
            "gorilla", "ws",
        ]
        let names = Contestants.all.map(\.name) + foreign
        let colours = Set(Set(names).map { ContestantStyle.of($0).colour })
        #expect(colours.count == Set(names).count)
        #expect(ContestantStyle.of("unheard of") == ContestantStyle.of("unheard of"))
    }
}
