import Glibc
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("A proxy that opens no tunnel", .timeLimit(.minutes(1)))
    struct ProxyFailureTests {
        private static let target = "wss://server.invalid:8443/"

        /// The error of a connection through a proxy that plays a script.
        private func error(
            _ script: [ScriptedServer.Step],
            backend: EventLoopBackend = .libev,
            _ change: (inout WebSocketConfiguration) -> Void = { _ in }
        ) async throws -> WebSocketError? {
            var loop = EventLoop.Configuration()
            loop.backends = [backend]
            let group = try EventLoopGroup(configuration: loop)
            return try await withScriptedServer(script) { proxy in
                var configuration = WebSocketConfiguration()
                configuration.eventLoopGroup = group
                configuration.proxy = .url("http://user:hunter2@127.0.0.1:\(proxy.port)")
                change(&configuration)
                let error = await openingError(Self.target, configuration)
                await eventually("no connection is left", within: .seconds(2)) { group.loops[0].liveTunnels == 0 }
                await group.shutDown()
                let text = String(describing: error)
                #expect(!text.contains("hunter2") && !text.contains("user"), "\(text)")
                #expect(text.contains("127.0.0.1:\(proxy.port)") || error?.code == .timedOut, "\(text)")
                return error
            }
        }

        // MARK: Refusals

        @Test(arguments: EventLoopBackend.allCases, [403, 407, 502, 503, 302, 101])
        func `a refusal tells status, headers and body`(backend: EventLoopBackend, status: Int) async throws {
            let answer = "HTTP/1.1 \(status) No\r\nX-Why: because\r\nContent-Length: 9\r\n\r\nforbidden and more"
            for end in [ScriptedServer.Step.waitForEndOfStream, .close] {
                let error = try await self.error([.expectUpgrade, .send(answer), end], backend: backend)
                #expect(error?.code == .proxyRefused)
                #expect(error?.handshake?.status == status)
                #expect(error?.handshake?.headers["x-why"] == "because")
                let body = String(decoding: error?.handshake?.bodyPrefix ?? [], as: UTF8.self)
                #expect(body == (status == 101 ? "" : "forbidden"))
                #expect(error?.message.contains("server.invalid:8443") == true)
                #expect(error?.isRetryable == (status >= 500))
            }
        }
    }
}
