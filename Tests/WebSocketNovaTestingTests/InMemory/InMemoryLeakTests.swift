import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

/// In a process of its own: objects are counted.
@Suite("What connections in memory leave behind", .timeLimit(.minutes(2)))
struct InMemoryLeakTests {
    @Test("F87: a thousand connections leave nothing")
    func leavesNothing() async {
        await #expect(processExitsWith: .success) {
            weak var last: InMemoryNetwork?
            for round in 0..<20 {
                let network = try InMemoryNetwork()
                last = network
                network.onConnection { peer in
                    guard peer.number % 10 != 9 else { return try await peer.refuse(status: 503) }
                    try await peer.accept()
                    try await peer.echo()
                }
                try await withThrowingTaskGroup { group in
                    for number in 0..<50 {
                        group.addTask {
                            let configuration = WebSocketConfiguration.inMemory(network)
                            let socket: WebSocket
                            do {
                                socket = try await WebSocket.connect(
                                    to: "ws://example.com",
                                    configuration: configuration
                                )
                            } catch let error as WebSocketError where error.code == .upgradeRefused {
                                return
                            }
                            try await socket.send("\(number)")
                            #expect(try await socket.nextMessage() == .text("\(number)"))
                            switch number % 4 {
                            case 0: try await socket.close()
                            case 1: socket.abort()
                            // Dropped as it is: it closes itself.
                            default: break
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                // Every other network is left to itself.
                if round % 2 == 0 { await network.shutDown() }
            }
            await eventually("no object is left") { LiveObjects.all.isEmpty && last == nil }
            #expect(LiveObjects.all.isEmpty, "\(LiveObjects.all)")
        }
    }
}
