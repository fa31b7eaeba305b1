import ArgumentParser

/// The command-line tool. Its exit status: 0 after a clean end, 1 if the connection failed or ended otherwise, 2 for wrong
/// usage.
@main
struct Nova: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nova",
        abstract: "A WebSocket client, and an echo server to try it on.",
        subcommands: [Connect.self, Ping.self, EchoServerCommand.self, Demo.self]
    )

    static func main() async {
        // A reader of our output that goes away is an error of write, not the end of the process.
        ignoreBrokenPipes()
        do {
            var command = try Self.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            Self.end(with: error)
        }
    }

    private static func end(with error: any Error) -> Never {
        switch error {
        case let error as ToolFailure:
            Console.complain(error.description)
            error.status.exit()
        default:
            // Argument parser's own status for wrong usage is 64 (EX_USAGE).
            guard Self.exitCode(for: error) == .validationFailure else { Self.exit(withError: error) }
            Console.note(Self.fullMessage(for: error))
            ExitStatus.usage.exit()
        }
    }
}
