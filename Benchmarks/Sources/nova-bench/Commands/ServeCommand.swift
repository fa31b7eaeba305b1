import ArgumentParser
import CLoadServer
import Glibc

/// The load server in the foreground, for `client` runs by hand; `run` starts it by itself.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the load server and print its URL."
    )

    @Option(help: "The port on 127.0.0.1; 0 takes a free one.")
    var port: UInt16 = 0

    @Flag(help: "Stop at the end of the standard input: so a server does not outlive whoever started it.")
    var untilEndOfInput = false

    func run() throws {
        var boundPort: UInt16 = 0
        let listener = load_server_listen(self.port, &boundPort)
        guard listener >= 0 else { throw BenchmarkError(errno: errno, "cannot listen on port \(self.port)") }
        print("ws://127.0.0.1:\(boundPort)")
        fflush(nil)
        if self.untilEndOfInput { Self.exitAtEndOfInput() }
        guard load_server_run(listener) == 0 else { throw BenchmarkError(errno: errno, "cannot accept") }
    }

    private static func exitAtEndOfInput() {
        var thread = pthread_t()
        pthread_create(
            &thread,
            nil,
            { _ in
                var byte: UInt8 = 0
                while read(STDIN_FILENO, &byte, 1) > 0 {}
                Glibc.exit(0)
            },
            nil
        )
    }
}
