import ArgumentParser
import CLoadServer
import Glibc

/// The load server in the foreground, for `client` runs by hand; `run` starts it by itself.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the load server and print its URL; with TLS, a second line has the URL for that."
    )

    @Option(help: "The port on 127.0.0.1; 0 takes a free one.")
    var port: UInt16 = 0

    @Option(help: "The port for TLS.")
    var tlsPort: UInt16 = 0

    @Flag(help: "Stop at the end of the standard input: so a server does not outlive whoever started it.")
    var untilEndOfInput = false

    @Flag(help: "The server for thousands of connections, which echoes on every path, instead of the one for bulk.")
    var crowd = false

    @Option(
        help: ArgumentHelp(
            "Speak TLS too, on a port of its own, and write the certificate to trust to a PEM file. With --crowd, only TLS.",
            valueName: "file"
        )
    )
    var tls: String?

    func run() throws {
        let listener = try Self.listen(on: self.port)
        if self.crowd {
            if let tls, !crowd_server_use_tls(tls) { throw BenchmarkError(errno: errno, "cannot set up TLS") }
            // As many as there may be: the client says how many it needs.
            try DescriptorLimit.raiseToHardLimit()
            self.announce(["\(self.tls == nil ? "ws" : "wss")://127.0.0.1:\(listener.port)"])
            guard crowd_server_run(listener.socket) == 0 else { throw BenchmarkError(errno: errno, "cannot accept") }
            return
        }
        var urls = ["ws://127.0.0.1:\(listener.port)"]
        var secure: Int32 = -1
        if let tls {
            guard load_server_use_tls(tls) else { throw BenchmarkError(errno: errno, "cannot set up TLS") }
            let listener = try Self.listen(on: self.tlsPort)
            secure = listener.socket
            urls.append("wss://127.0.0.1:\(listener.port)")
        }
        self.announce(urls)
        guard load_server_run(listener.socket, secure) == 0 else { throw BenchmarkError(errno: errno, "cannot accept") }
    }

    private static func listen(on port: UInt16) throws -> (socket: Int32, port: UInt16) {
        var boundPort: UInt16 = 0
        let socket = load_server_listen(port, &boundPort)
        guard socket >= 0 else { throw BenchmarkError(errno: errno, "cannot listen on port \(port)") }
        return (socket, boundPort)
    }

    private func announce(_ urls: [String]) {
        for url in urls { print(url) }
        fflush(nil)
        if self.untilEndOfInput { Self.exitAtEndOfInput() }
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
