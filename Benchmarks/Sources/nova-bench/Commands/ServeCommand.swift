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

    @Flag(help: "The server for thousands of connections, which echoes on every path, instead of the one for bulk.")
    var crowd = false

    @Option(
        help: ArgumentHelp(
            "Speak TLS, and write the certificate to trust to a PEM file. With --crowd.",
            valueName: "file"
        )
    )
    var tls: String?

    func validate() throws {
        if self.tls != nil, !self.crowd { throw ValidationError("Only the server of --crowd speaks TLS.") }
    }

    func run() throws {
        var boundPort: UInt16 = 0
        let listener = load_server_listen(self.port, &boundPort)
        guard listener >= 0 else { throw BenchmarkError(errno: errno, "cannot listen on port \(self.port)") }
        if let tls, !crowd_server_use_tls(tls) { throw BenchmarkError(errno: errno, "cannot set up TLS") }
        // As many as there may be: the client says how many it needs.
        if self.crowd { try DescriptorLimit.raiseToHardLimit() }
        print("\(self.tls == nil ? "ws" : "wss")://127.0.0.1:\(boundPort)")
        fflush(nil)
        if self.untilEndOfInput { Self.exitAtEndOfInput() }
        let status = self.crowd ? crowd_server_run(listener) : load_server_run(listener)
        guard status == 0 else { throw BenchmarkError(errno: errno, "cannot accept") }
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
