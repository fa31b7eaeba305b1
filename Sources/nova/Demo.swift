import ArgumentParser
import WebSocketNova
import WebSocketNovaTesting

/// `nova demo`: every kind of thing that a connection does, once, against an echo server in this process.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a connection at work, against an echo server in this process."
    )

    func run() async throws {
        do {
            try await self.demonstrate()
        } catch {
            throw ToolFailure(error)
        }
    }

    private func demonstrate() async throws {
        var serverConfiguration = EchoServer.Configuration()
        serverConfiguration.permessageDeflate = EchoServer.PermessageDeflate()
        let server = try await Steps.run("start echo server") {
            let server = try EchoServer(configuration: serverConfiguration)
            return (server, server.url)
        }

        var configuration = WebSocketConfiguration()
        configuration.compression = CompressionConfiguration(threshold: 4_096)
        let socket = try await Steps.run("connect") {
            let socket = try await WebSocket.connect(to: server.url, configuration: configuration)
            return (socket, socket.compression == nil ? "not compressed" : "permessage-deflate above 4,096 bytes")
        }

        try await Steps.run("text") {
            let text = "Hello, Nova – Grüße, 你好"
            try await socket.send(text)
            try await Self.expect(.text(text), from: socket)
            return ((), "\"\(text)\" came back")
        }
        try await Steps.run("binary") {
            let bytes = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
            try await socket.send(bytes)
            try await Self.expect(.binary(bytes), from: socket)
            return ((), "1,000 bytes came back")
        }
        try await Steps.run("fragmented") {
            let fragments = ["one ", "message ", "in ", "four frames"]
            try await socket.send(text: Self.stream(fragments))
            try await Self.expect(.text(fragments.joined()), from: socket)
            return ((), "\"\(fragments.joined(separator: "|"))\" came back in one piece")
        }
        try await Steps.run("ping") {
            let roundTrip = try await socket.ping()
            return ((), "pong after \(roundTrip.milliseconds)")
        }
        try await Steps.run("compressed") {
            let text = (1...2_000).map { #"{"trade":\#($0),"price":"1024.25"}"# }.joined(separator: "\n")
            try await socket.send(text)
            try await Self.expect(.text(text), from: socket)
            return ((), "2,000 lines of JSON came back, \(text.utf8.count) bytes")
        }
        try await Steps.run("close") {
            let info = try await socket.close(code: 4000, reason: "end of the demo")
            guard info.wasClean else { throw ToolFailure("\(info)") }
            return ((), "\(info)")
        }
        try await Steps.run("stop echo server") {
            await server.stop()
            return ((), "")
        }
    }

    private static func stream(_ elements: [String]) -> AsyncStream<String> {
        AsyncStream { continuation in
            for element in elements { continuation.yield(element) }
            continuation.finish()
        }
    }

    private static func expect(_ message: WebSocketMessage, from socket: WebSocket) async throws {
        guard try await socket.nextMessage() == message else { throw ToolFailure("something else came back") }
    }
}
