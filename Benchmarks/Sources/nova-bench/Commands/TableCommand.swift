import ArgumentParser

struct TableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table",
        abstract: "Print the results of 'run --json' as Markdown; scripts/performance-table puts it into the README."
    )

    @Argument(help: "A file that 'run --json' has written.")
    var results: String

    @Flag(help: "The table that 'run' prints instead.")
    var plain = false

    @Option(help: "Link to the charts of 'plot' in this folder, named as seen from the file that the tables are for.")
    var charts: String?

    func run() throws {
        let report = try Report.read(self.results)
        if self.plain {
            print(ResultTable(report: report).text)
        } else {
            print(MarkdownTable(report: report, charts: self.charts).text, terminator: "")
        }
    }
}
