import ArgumentParser
import Glibc
import WebSocketNova
import WebSocketNovaTesting

/// `nova echo-server`: libwebsockets' own server, to try clients on.
struct EchoServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo-server",
        abstract: "Send every message back, until Ctrl-C.",
        discussion: "Listens on the loopback interface. The first line of output is the server's URL."
    )

    @Option(help: "The port to listen on; 0 for any free one.")
    var port: UInt16 = 0

    @Flag(help: "Accept permessage-deflate.")
    var compress = false

    @Flag(help: "Speak TLS, with a certificate made now.")
    var tls = false

    @Option(help: ArgumentHelp("Write the authority that TLS clients have to trust to a PEM file.", valueName: "file"))
    var caOut: String?

    func run() async throws {
        let interrupts = Interrupts()
        do {
            let server = try EchoServer(configuration: self.serverConfiguration())
            if let caOut { try Self.write(server.certificatePEM, to: caOut) }
            try Console.print(server.url)
            await interrupts.wait()
            await server.stop()
        } catch {
            throw ToolFailure(error)
        }
    }

    private func serverConfiguration() -> EchoServer.Configuration {
        var configuration = EchoServer.Configuration()
        configuration.port = self.port
        configuration.isTLS = self.tls
        configuration.permessageDeflate = self.compress ? EchoServer.PermessageDeflate() : nil
        return configuration
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        guard let file = fopen(path, "w") else { throw Self.failure(path) }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count, fflush(file) == 0 else { throw Self.failure(path) }
    }

    private static func failure(_ path: String) -> ToolFailure {
        ToolFailure("\(path): \(String(cString: strerror(errno)))")
    }
}
