import Glibc
import WebSocketNova

/// The least that a program of the library's is: `startup URL` says one thing to an echo server and prints a line when it is
/// back; without a URL it does nothing. What is measured is its start, its end and its file.
@main
struct Startup {
    static func main() async throws {
        guard CommandLine.arguments.count > 1 else { return }
        try await withWebSocket(to: CommandLine.arguments[1]) { socket in
            try await socket.send("hello")
            guard case .text("hello") = try await socket.nextMessage() else { exit(1) }
            print("ok")
            fflush(nil)
        }
    }
}
