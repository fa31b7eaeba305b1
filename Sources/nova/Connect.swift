import ArgumentParser
import WebSocketNova

/// `nova connect URL`: lines in, messages out.
struct Connect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send lines as messages and print the messages that come.",
        discussion: """
            Each line of standard input becomes a message, and each message that comes a line of standard output. At the end \
            of input the connection is closed; the exit status is 0 if the peer has closed it as well. On a terminal, what \
            comes is marked with "<". Ctrl-C closes the connection, a second one aborts it.
            """
    )

    @Argument(help: "A ws or wss URL.")
    var url: String

    @Flag(help: "Send lines as binary messages.")
    var binary = false

    @Option(help: ArgumentHelp("How long to wait for messages after the end of input.", valueName: "seconds"))
    var linger = 0.0

    @OptionGroup var options: ConnectionOptions

    func validate() throws {
        guard (0...86_400).contains(self.linger) else {
            throw ValidationError("--linger \(self.linger) is not from 0 to 86400 seconds")
        }
    }

    func run() async throws {
        let interrupts = Interrupts()
        let input = try LineReader()
        do {
            let socket = try await interrupts.connect(to: self.url, configuration: self.options.configuration())
            self.greet(socket)
            try await self.exchange(socket, input)
        } catch {
            throw ToolFailure(error)
        }
    }

    private func greet(_ socket: WebSocket) {
        guard Console.isInteractive else { return }
        var text = "connected to \(self.url)"
        if let subprotocol = socket.subprotocol { text += ", subprotocol \(subprotocol)" }
        if socket.compression != nil { text += ", compressed" }
        Console.note(text + "; Ctrl-D or Ctrl-C closes")
    }

    /// Sends and prints until the connection has ended.
    private func exchange(_ socket: WebSocket, _ input: LineReader) async throws {
        let sender = Task { try await self.sendLines(of: input, over: socket) }
        var failure: (any Error)?
        do {
            for try await message in socket.messages { try self.show(message) }
        } catch {
            failure = error
        }
        sender.cancel()
        do {
            try await sender.value
        } catch is CancellationError {
            // The connection has ended before the input.
        } catch let error as WebSocketError where error.code == .connectionClosed {
            // What ended it is told below.
        } catch {
            failure = ToolFailure(error)
        }
        let info = try await socket.close()
        if Console.isInteractive || info.code != .normalClosure { Console.note("\(info)") }
        if !info.wasClean || failure is ToolFailure { throw failure.map(ToolFailure.init) ?? ToolFailure("\(info)") }
    }

    private func sendLines(of input: LineReader, over socket: WebSocket) async throws {
        do {
            while let line = try await input.next() {
                if self.binary { try await socket.send(line) } else { try await socket.send(utf8: line) }
            }
            // The time that the user gives the peer to answer in: only the peer knows what is still to come.
            if self.linger > 0 { try await Task.sleep(for: .seconds(self.linger)) }
        } catch let error as WebSocketError where error.code == .connectionClosed {
            throw error
        } catch {
            // A line that cannot be sent ends it all.
            try await socket.close(code: .goingAway)
            throw error
        }
        try await socket.close()
    }

    private func show(_ message: WebSocketMessage) throws {
        guard Console.isInteractive else {
            switch message {
            case .text(let text): try Console.print(text)
            case .binary(let bytes): try Console.write(bytes + [UInt8(ascii: "\n")])
            }
            return
        }
        switch message {
        case .text(let text): try Console.print("< \(Console.printable(text))")
        case .binary(let bytes): try Console.print("< \(Self.dump(bytes.array))")
        }
    }

    private static func dump(_ bytes: [UInt8]) -> String {
        let shown = bytes.prefix(32).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }
        return "\(bytes.count) bytes: \(shown.joined(separator: " "))\(bytes.count > 32 ? " …" : "")"
    }
}
