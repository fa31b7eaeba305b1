import Glibc
import WebSocketNova

/// The client that the Autobahn test suite judges, written as a user would write it: see scripts/autobahn.
///
/// It runs every case that the server at `AUTOBAHN_URL` has, under the name in `AUTOBAHN_AGENT`: it opens a connection and
/// sends back each message until the connection ends.
@main
struct AutobahnClient {
    private let server: String
    private let agent: String
    private let configuration: WebSocketConfiguration

    static func main() async {
        guard let server = Self.environment("AUTOBAHN_URL"), let agent = Self.environment("AUTOBAHN_AGENT") else {
            Self.complain("AUTOBAHN_URL and AUTOBAHN_AGENT must be set")
            exit(2)
        }
        do {
            try await AutobahnClient(server: server, agent: agent).runAll()
        } catch {
            Self.complain("\(error)")
            exit(1)
        }
    }

    private init(server: String, agent: String) {
        self.server = server
        self.agent = agent
        var configuration = WebSocketConfiguration()
        // Category 9 has messages of 16 MiB.
        configuration.limits.messageSize = 16 << 20
        // Categories 13.2 to 13.6 need both parameters in the offer; messages of every size are to be compressed.
        configuration.compression = CompressionConfiguration(
            offers: [CompressionConfiguration.Offer(clientNoContextTakeover: true, clientMaxWindowBits: .anySize)],
            threshold: 0
        )
        self.configuration = configuration
    }

    private func runAll() async throws {
        for number in 1...max(1, try await self.caseCount()) {
            await self.echo("/runCase?case=\(number)&agent=\(self.agent)")
        }
        await self.echo("/updateReports?agent=\(self.agent)")
    }

    private func caseCount() async throws -> Int {
        try await withWebSocket(to: self.server + "/getCaseCount") { socket in
            guard case .text(let text) = try await socket.nextMessage(), let count = Int(text) else {
                throw WebSocketError(.protocolViolation, "the server did not tell the number of cases")
            }
            return count
        }
    }

    /// Sends every message back until the connection ends, however it ends: in most cases the server breaks the protocol.
    private func echo(_ path: String) async {
        do {
            let socket = try await WebSocket.connect(to: self.server + path, configuration: self.configuration)
            do {
                for try await message in socket.messages { try await socket.send(message) }
            } catch {
                // The server's report says whether this end was the right one.
            }
            try await socket.close()
        } catch {
            Self.complain("\(path): \(error)")
        }
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    private static func complain(_ message: String) {
        print("AutobahnClient: \(message)")
    }
}
