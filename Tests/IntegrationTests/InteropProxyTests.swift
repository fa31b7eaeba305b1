import Glibc
import TestSupport
import Testing
import WebSocketNova

extension Interop {
    /// What reverse proxies do of their own accord: nginx and haproxy, as scripts/interop configures them.
    @Suite(
        .enabled(if: InteropPeer.isThere, "scripts/interop starts the proxies and sets their URLs"),
        .timeLimit(.minutes(1))
    )
    struct InteropProxyTests {
        /// Where a second of silence is the end.
        private static var impatient: [String] {
            [InteropPeer.nginx.url.map { $0 + "/idle" }, InteropPeer.environment("HAPROXY_IDLE")].compactMap(\.self)
        }

        /// Where no server is behind the proxy.
        private static var orphaned: [(url: String, status: Int)] {
            let nginx = InteropPeer.nginx.url.map { (url: $0 + "/down", status: 502) }
            let haproxy = InteropPeer.environment("HAPROXY_DOWN").map { (url: $0, status: 503) }
            return [nginx, haproxy].compactMap(\.self)
        }

        /// The proxy says nothing of the kind: it ends the TCP connection without a Close frame.
        @Test func `an idle timeout of the proxy is the end of the transport`() async throws {
            for url in Self.impatient {
                let stopwatch = Stopwatch()
                let socket = try await WebSocket.connect(to: url, configuration: InteropPeer.configuration)
                let (messages, error) = await socket.readToEnd()
                let duration = stopwatch.elapsed
                #expect(messages.isEmpty)
                #expect((error as? WebSocketError)?.code == .transportFailed, "\(url): \(String(describing: error))")
                let closed = try await socket.ended()
                #expect(closed.code == .abnormalClosure)
                #expect(closed.initiator == .transport)
                #expect(!closed.wasClean)
                #expect(
                    duration > .milliseconds(900) && stopwatch.elapsedInMotion < .seconds(10),
                    "\(url): \(duration)"
                )
            }
        }

        /// The same, and pings that are more frequent than the proxy is patient.
        @Test func `keepalive keeps the connection through a proxy that ends idle ones`() async throws {
            var configuration = InteropPeer.configuration
            configuration.keepalive = WebSocketConfiguration.Keepalive(
                interval: .milliseconds(250),
                timeout: .seconds(10)
            )
            for url in Self.impatient {
                let socket = try await WebSocket.connect(to: url, configuration: configuration)
                // Twice as long as the proxy waits: that nothing happens can only be seen by waiting.
                try await Task.sleep(for: .seconds(2))
                #expect(socket.closeInfo == nil, "\(url)")
                try await Self.echo(socket, "still there")
                #expect(socket.latency != nil)
                #expect(try await socket.close().wasClean)
            }
        }

        @Test func `without a server behind it, the proxy's answer is told`() async throws {
            for (url, status) in Self.orphaned {
                let error = try #require(await openingError(url, InteropPeer.configuration))
                #expect(error.code == .upgradeRefused, "\(error)")
                #expect(error.handshake?.status == status, "\(error)")
                #expect(error.handshake?.bodyPrefix.isEmpty == false)
                #expect(error.isRetryable)
            }
        }

        @Test(arguments: ["NGINX", "NGINX_TLS", "AIOHTTP"])
        func `a refusal comes with status, header fields and body`(name: String) async throws {
            let url = try #require(InteropPeer.environment(name))
            let error = try #require(await openingError(url + "/refused", InteropPeer.configuration))
            #expect(error.code == .upgradeRefused, "\(error)")
            #expect(error.handshake?.status == 403)
            #expect(error.handshake?.bodyPrefix == Array("no entry".utf8))
            #expect(!error.isRetryable)
        }

        @Test func `a redirection of the proxy is followed when it may be`() async throws {
            let url = try #require(InteropPeer.nginx.url)
            let error = try #require(await openingError(url + "/moved", InteropPeer.configuration))
            #expect(error.handshake?.status == 302)
            var configuration = InteropPeer.configuration
            configuration.redirects = .follow()
            _ = try await withWebSocket(to: url + "/moved", configuration: configuration) { socket in
                try await socket.send("here")
                #expect(try await socket.nextMessage() == .text("here"))
            }
        }

        @Test(arguments: [InteropPeer.nginx, .nginxTLS, .haproxy, .haproxyTLS])
        func `large messages pass`(peer: InteropPeer) async throws {
            let url = try #require(peer.url)
            var configuration = InteropPeer.configuration
            configuration.limits.messageSize = 16 << 20
            let bytes = (0..<(16 << 20)).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
            _ = try await withWebSocket(to: url, configuration: configuration) { socket in
                async let sent: Void = socket.send(bytes)
                let message = try await socket.nextMessage()
                #expect(message == .binary(bytes))
                try await sent
            }
        }

        /// Old workers go on with the connections they have, for as long as worker_shutdown_timeout lets them.
        @Test func `a reload of nginx leaves the connection alone, and then ends it`() async throws {
            let url = try #require(InteropPeer.environment("RELOADED"))
            let process = try #require(InteropPeer.environment("RELOADED_PID").flatMap { Int32($0) })
            let old = try await WebSocket.connect(to: url, configuration: InteropPeer.configuration)
            try await Self.echo(old, "before")
            try #require(kill(process, SIGHUP) == 0)
            try await Self.echo(old, "meanwhile")
            // The new worker takes over at some time from now on; both serve.
            for number in 0..<20 {
                _ = try await withWebSocket(to: url, configuration: InteropPeer.configuration) { socket in
                    try await Self.echo(socket, "new \(number)")
                }
            }
            let (messages, error) = await old.readToEnd()
            #expect(messages.isEmpty)
            #expect((error as? WebSocketError)?.code == .transportFailed, "\(String(describing: error))")
            #expect(try await old.ended().code == .abnormalClosure)
        }

        /// aiohttp ends a connection that has not answered its ping within half of its interval.
        @Test(arguments: [InteropPeer.aiohttp, .aiohttpDeflate, .aiohttpTLS])
        func `the heartbeats of aiohttp are answered, though nobody reads`(peer: InteropPeer) async throws {
            let url = try #require(peer.url)
            let socket = try await WebSocket.connect(
                to: url + "/heartbeat?seconds=0.4",
                configuration: InteropPeer.configuration
            )
            // Some heartbeats long: that nothing happens can only be seen by waiting.
            try await Task.sleep(for: .milliseconds(1_500))
            #expect(socket.closeInfo == nil)
            try await Self.echo(socket, "still there")
            #expect(try await socket.close().wasClean)
        }

        private static func echo(_ socket: WebSocket, _ text: String) async throws {
            try await socket.send(text)
            #expect(try await socket.nextMessage() == .text(text))
        }
    }
}
