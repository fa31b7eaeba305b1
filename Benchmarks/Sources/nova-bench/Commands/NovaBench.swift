import ArgumentParser

@main
struct NovaBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nova-bench",
        abstract: "Measures WebSocket clients beside each other against one local load server.",
        subcommands: [
            RunCommand.self, TableCommand.self, PlotCommand.self,
            LayerCommand.self, CrowdCommand.self, CheckCommand.self,
            ClientCommand.self, CrowdClientCommand.self, ServeCommand.self,
        ]
    )
}
