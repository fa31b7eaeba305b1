import Glibc
import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Socket options", .timeLimit(.minutes(1)))
    struct SocketOptionsTests {
        /// The client's socket of a connection that was opened with these options.
        private func with(
            _ change: (inout NetworkConfiguration) -> Void,
            _ body: (ClientSocket) throws -> Void
        ) async throws {
            try await withEchoServer { server in
                let configuration = WebSocketConfiguration.with { change(&$0.network) }
                try await withWebSocket(to: server.url, configuration: configuration) { socket in
                    try await socket.send("x")
                    #expect(try await socket.nextMessage() == .text("x"))
                    let sockets = ClientSocket.all(to: server.port)
                    #expect(sockets.count == 1)
                    if let socket = sockets.first { try body(socket) }
                }
            }
        }

        private static let tcp = Int32(IPPROTO_TCP)

        @Test func `the defaults`() async throws {
            try await self.with({ _ in }) { socket in
                #expect(socket.option(Self.tcp, TCP_NODELAY) != 0)
                #expect(socket.option(SOL_SOCKET, SO_KEEPALIVE) == 0)
                #expect(socket.option(Self.tcp, TCP_USER_TIMEOUT) == 0)
            }
        }

        @Test func `each one is set`() async throws {
            var keepalive = NetworkConfiguration.TCPKeepalive()
            keepalive.idle = .milliseconds(30_500)
            keepalive.interval = .seconds(7)
            keepalive.count = 3
            try await self.with({
                $0.noDelay = false
                $0.tcpKeepalive = keepalive
                $0.receiveBufferSize = 20_000
                $0.sendBufferSize = 30_000
                $0.userTimeout = .milliseconds(12_345)
            }) { socket in
                #expect(socket.option(Self.tcp, TCP_NODELAY) == 0)
                #expect(socket.option(SOL_SOCKET, SO_KEEPALIVE) == 1)
                #expect(socket.option(Self.tcp, TCP_KEEPIDLE) == 31)
                #expect(socket.option(Self.tcp, TCP_KEEPINTVL) == 7)
                #expect(socket.option(Self.tcp, TCP_KEEPCNT) == 3)
                #expect(socket.option(SOL_SOCKET, SO_RCVBUF) == 40_000)
                #expect(socket.option(SOL_SOCKET, SO_SNDBUF) == 60_000)
                #expect(socket.option(Self.tcp, TCP_USER_TIMEOUT) == 12_345)
            }
        }

        @Test(arguments: [("127.0.0.77", "127.0.0.77"), ("lo", "127.0.0.1")])
        func `the local address`(interface: String, host: String) async throws {
            try await self.with({ $0.interface = interface }) { socket in
                #expect(socket.localHost == host)
            }
        }

        @Test func `an interface that does not exist`() async throws {
            let configuration = WebSocketConfiguration.with { $0.network.interface = "nova-none" }
            let error = await openingError("ws://127.0.0.1:\(try unusedPort())/", configuration)
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("\"nova-none\"") == true)
        }

        @Test func `an address that the host does not have`() async throws {
            let configuration = WebSocketConfiguration.with { $0.network.interface = "192.0.2.1" }
            let error = await openingError("ws://127.0.0.1:\(try unusedPort())/", configuration)
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("Cannot assign requested address") == true, "\(String(describing: error))")
        }

        @Test func `a local address of the other family`() async throws {
            let configuration = WebSocketConfiguration.with { $0.network.interface = "::1" }
            let error = await openingError("ws://127.0.0.1:\(try unusedPort())/", configuration)
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("no address of this family") == true, "\(String(describing: error))")
        }
    }
}
