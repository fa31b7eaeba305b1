import LWSTransport
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

/// A client whose event loop is shut down: nobody waits for a timer that will never fire.
@Suite struct ClientLoopShutdownTests {
    private func makeClient(_ server: EchoServer) throws -> (WebSocketClient, EventLoopGroup) {
        let group = try EventLoopGroup()
        var configuration = ClientConfiguration(url: server.url)
        configuration.webSocket.eventLoopGroup = group
        configuration.handlers.error = DefaultErrorHandler(
            backoff: Backoff(growth: .linear, base: .seconds(3600), maximum: .seconds(3600), limit: .unlimited)
        )
        return (try WebSocketClient(configuration), group)
    }

    @Test("An open client ends with its loop", .timeLimit(.minutes(1)))
    func open() async throws {
        let server = try EchoServer()
        let (client, group) = try self.makeClient(server)
        try await client.connect()
        await group.shutDown()
        guard case .failed(let error) = try await client.waitUntilEnded() else {
            Issue.record("it must end with an error")
            return
        }
        #expect(error.code == .loopShutDown)
        await server.stop()
    }

    @Test(
        "A client that waits for its next attempt ends with its loop, and so do those who wait to send",
        .timeLimit(.minutes(1))
    )
    func reconnecting() async throws {
        let server = try EchoServer()
        let (client, group) = try self.makeClient(server)
        let events = client.events(withFrames: false)
        try await client.connect()
        server.closeConnections(code: .serviceRestart)
        for await event in events {
            if case .reconnecting = event.kind { break }
        }
        let send = Task { try await client.send("never sent") }
        await group.shutDown()
        await #expect(throws: WebSocketError.self) { try await send.value }
        guard case .failed(let error) = try await client.waitUntilEnded() else {
            Issue.record("it must end with an error")
            return
        }
        #expect(error.code == .loopShutDown)
        await server.stop()
    }
}
