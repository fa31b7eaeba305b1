import ArgumentParser
import Logging

@main
struct NovaBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nova-bench",
        abstract: "Measures WebSocket clients beside each other against one local load server.",
        subcommands: [
            RunCommand.self, TableCommand.self, PlotCommand.self,
            LayerCommand.self, CrowdCommand.self, GateCommand.self, CheckCommand.self,
            ClientCommand.self, CrowdClientCommand.self, GateClientCommand.self, ServeCommand.self,
        ]
    )

    static func main() async {
        // Contestants are quiet: the client's log of its connections is nobody's here, and writing it costs time.
        LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
        await Self.main(nil)
    }
}
