import ArgumentParser
import FoundationEssentials

struct PlotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot",
        abstract: "Draw the results of 'run --json': an SVG bar chart for each kind of work."
    )

    @Argument(help: "A file that 'run --json' has written.")
    var results: String

    @Option(help: "The folder for the charts; it is made if need be.")
    var output = "."

    func run() throws {
        let report = try Report.read(self.results)
        let folder = URL(filePath: self.output)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, chart) in report.charts {
            let file = folder.appending(path: "\(name).svg")
            try Data(chart.svg.utf8).write(to: file)
            print(file.relativePath)
        }
    }
}
