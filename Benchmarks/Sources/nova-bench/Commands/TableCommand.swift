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

    func run() throws {
        let report = try Report.read(self.results)
        print(self.plain ? ResultTable(report: report).text : MarkdownTable(report: report).text, terminator: "")
        if self.plain { print() }
    }
}
