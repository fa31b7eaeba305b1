import Testing
import WebSocketNova
import WebSocketNovaTesting

/// The client on a real socket, with nothing but its defaults.
@Suite struct ClientSmokeTests {
    @Test("F29, F30, F41, F76: what a client sends comes back, as messages and as events")
    func echo() async throws {
        let server = try EchoServer()
        var configuration = ClientConfiguration(url: server.url)
        // Its pongs would be among the events of a slow test.
        configuration.webSocket.keepalive = .off
        let client = try WebSocketClient(configuration)
        let events = client.events
        let messages = client.messages
        try await client.connect()
        #expect(client.status == .websocketConnected)
        try await client.send("hello")
        try await client.send([1, 2, 3])
        try await client.send(json: ["a": 1])
        var received: [WebSocketMessage] = []
        for try await message in messages {
            received.append(message)
            if received.count == 3 { break }
        }
        #expect(received == [.text("hello"), .binary([1, 2, 3]), .text(#"{"a":1}"#)])
        #expect(try await client.ping() > .zero)
        let end = try await client.close(code: .normalClosure, reason: "done")
        #expect(end == .local)
        var kinds: [String] = []
        for await event in events {
            switch event.kind {
            case .connectionUp: kinds.append("up")
            case .upgraded: kinds.append("upgraded")
            case .frame(_, let frame): kinds.append(frame.kind.rawValue)
            case .connectionDown: kinds.append("down")
            case .ended: kinds.append("ended")
            default: kinds.append("\(event.kind)")
            }
        }
        #expect(kinds == ["up", "upgraded", "text", "binary", "text", "pong", "close", "down", "ended"])
        await server.stop()
    }

    @Test("A request gets the answer with its id")
    func request() async throws {
        let server = try EchoServer()
        let client = try await WebSocketClient.connect(to: server.url)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for id in 0..<100 {
                group.addTask {
                    let reply = try await client.request(.json(["id": .integer(Int64(id))]), correlatedBy: \.id)
                    return reply.json == ["id": .integer(Int64(id))]
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
        try await client.close()
        await server.stop()
    }
}
