import Glibc
import LWSTransport
import TestSupport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@Suite struct EchoServerLifecycleTests {
    @Test func servesManyConnectionsAtOnce() async throws {
        try await withEchoServer { server in
            let clients = try (0..<1_000).map { _ in try RawClient(port: server.port) }
            for client in clients { try client.upgrade() }
            for (index, client) in clients.enumerated() { try client.sendFrame(0x1, Array("client \(index)".utf8)) }
            for (index, client) in clients.enumerated() {
                #expect(try client.readFrame().payload == Array("client \(index)".utf8))
            }
            // Counted when the server has dealt with the upgrade, which may be after the client has: so not before the echo.
            #expect(server.connectionCount == 1_000)
        }
    }

    @Test func stopsWithConnectionsInEveryPhase() async throws {
        let server = try EchoServer()
        let open = try RawClient(port: server.port)
        try open.upgrade()
        let halfway = try RawClient(port: server.port)
        try halfway.send("GET / HTTP/1.1\r\nHost:")
        let silent = try RawClient(port: server.port)
        let midMessage = try RawClient(port: server.port)
        try midMessage.upgrade()
        try midMessage.sendFrame(0x1, Array("beginning".utf8), isFinal: false)
        await server.stop()
        for client in [open, halfway, silent, midMessage] { #expect(try client.readToEnd() == []) }
        #expect(throws: RawClient.Failure.self) { try RawClient(port: server.port) }
        #expect(server.connectionCount == 0)
        await server.stop()
    }

    @Test func closesAndDropsConnections() async throws {
        try await withEchoServer { server in
            let first = try RawClient(port: server.port)
            try first.upgrade()
            server.closeConnections(code: .serviceRestart, reason: "soon back")
            #expect(try first.readFrame().payload == [0x03, 0xF4] + Array("soon back".utf8))
            let second = try RawClient(port: server.port)
            try second.upgrade()
            server.dropConnections()
            #expect(try second.readToEnd() == [])
        }
    }

    @Test func passesOnWhatTheBodyThrows() async throws {
        await #expect(throws: TestServerError("mine")) {
            try await withEchoServer { _ in throw TestServerError("mine") }
        }
    }

    /// In a process of its own, because other tests open descriptors and threads.
    @Test func leavesNothingBehind() async {
        await #expect(processExitsWith: .success) {
            func cycle() async throws {
                let server = try EchoServer(configuration: .init(isTLS: true, permessageDeflate: .init()))
                let client = try RawClient(port: server.port, trusting: server.certificatePEM)
                try client.upgrade(headers: ["Sec-WebSocket-Extensions: permessage-deflate"])
                try client.sendFrame(0x1, Array("hello".utf8))
                _ = try client.readFrame()
                await server.stop()
            }
            // The first opens what OpenSSL keeps open, and lets the concurrency pool start its threads.
            for _ in 0..<3 { try await cycle() }
            let before = Resources.now
            for _ in 0..<100 { try await cycle() }
            #expect(Resources.now.descriptors == before.descriptors)
            #expect(Resources.now.threads <= before.threads)
        }
    }

    @Test func stopsWhenItIsForgotten() async {
        await #expect(processExitsWith: .success) {
            let client: RawClient
            do {
                let server = try EchoServer()
                client = try RawClient(port: server.port)
                try client.upgrade()
            }
            #expect(try client.readToEnd() == [])
        }
    }

    @Test func leavesTheProcessAsItWas() async {
        await #expect(processExitsWith: .success) {
            var limitBefore = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limitBefore)
            try await withEchoServer { _ in }
            var limitAfter = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limitAfter)
            #expect(limitAfter.rlim_cur == limitBefore.rlim_cur && limitAfter.rlim_max == limitBefore.rlim_max)
            var action = sigaction()
            sigaction(SIGPIPE, nil, &action)
            #expect(action.__sigaction_handler.sa_handler == nil, "SIGPIPE has its default disposition")
        }
    }

    /// lws's assertions are live in Debian's build: a client that could fail one would end the test process.
    @Test func survivesGarbage() async {
        await #expect(processExitsWith: .success) {
            let seed = UInt64.random(in: 0...UInt64.max)
            print("seed \(seed)")
            var generator = SeededGenerator(seed: seed)
            try await withEchoServer(configuration: .init(permessageDeflate: .init(), subprotocols: ["a"])) { server in
                for _ in 0..<1_500 {
                    let client = try RawClient(port: server.port)
                    // A server that has heard enough resets the connection.
                    _ = try? Garbage.send(to: client, &generator)
                }
                let client = try RawClient(port: server.port)
                try client.upgrade()
                try client.sendFrame(0x1, Array("still here".utf8))
                #expect(try client.readFrame().payload == Array("still here".utf8))
            }
        }
    }
}

private enum Garbage {
    private static let requests = [
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        "GET /fragments?size=1&size=2 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: a,b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\nraw bytes",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        "OPTIONS * HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ]

    /// A request with some bytes changed, frames of random bits after it, in random segments; sometimes nothing is read.
    static func send(to client: RawClient, _ generator: inout SeededGenerator) throws {
        var bytes = Array(Self.requests[Int.random(in: 0..<Self.requests.count, using: &generator)].utf8)
        for _ in 0..<Int.random(in: 0..<4, using: &generator) {
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        for _ in 0..<Int.random(in: 0..<6, using: &generator) {
            let opcode = UInt8.random(in: 0...15, using: &generator)
            let size = [0, 1, 2, 125, 126, 300, 70_000].randomElement(using: &generator) ?? 0
            let rsv = Bool.random(using: &generator) ? 0 : UInt8.random(in: 0...7, using: &generator) << 4
            var frame = RawClient.frame(opcode, pattern(size), isFinal: .random(using: &generator), rsv: rsv)
            if Int.random(in: 0..<4, using: &generator) == 0 { frame[1] = .random(in: 0...255, using: &generator) }
            bytes += frame
        }
        while !bytes.isEmpty {
            let count = Int.random(in: 1...bytes.count, using: &generator)
            try client.send(Array(bytes.prefix(count)))
            bytes.removeFirst(count)
        }
        guard Bool.random(using: &generator) else { return }
        shutdown(client.descriptor, Int32(SHUT_WR))
        _ = try client.readToEnd()
    }
}
