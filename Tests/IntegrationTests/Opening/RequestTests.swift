import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("The upgrade request on the wire", .timeLimit(.minutes(1)))
    struct RequestTests {
        /// Opens a connection and gives the request as the server read it.
        private func request(
            _ target: String = "",
            _ configuration: WebSocketConfiguration = WebSocketConfiguration(),
            subprotocol: String? = nil
        ) async throws -> (lines: [String], port: Int) {
            try await withScriptedServer([.acceptUpgrade(subprotocol: subprotocol), .waitForEndOfStream]) { server in
                let socket = try await WebSocket.connect(to: server.url + target, configuration: configuration)
                #expect(socket.subprotocol == subprotocol)
                socket.abort()
                let request = try await server.finished().first.request
                #expect(request.hasSuffix("\r\n\r\n"))
                return (request.components("\r\n").dropLast(2), server.port)
            }
        }

        @Test func `F28 it is ours to the byte`() async throws {
            let configuration = WebSocketConfiguration.with {
                $0.subprotocols = ["nova.v2", "nova.v1"]
                $0.headers.append(name: "Authorization", value: "Bearer abc")
                $0.headers.append(name: "X-Twice", value: "1")
                $0.headers.append(name: "x-twice", value: "2")
                $0.compression = .defaults
            }
            let (lines, port) = try await self.request("chat?room=1&x=%20", configuration, subprotocol: "nova.v1")
            try #require(lines.count == 11)
            #expect(lines[4].hasPrefix("Sec-WebSocket-Key: "))
            #expect(lines[4].utf8.count == "Sec-WebSocket-Key: ".utf8.count + 24)
            #expect(
                Array(lines[..<4]) + Array(lines[5...]) == [
                    "GET /chat?room=1&x=%20 HTTP/1.1",
                    "Host: 127.0.0.1:\(port)",
                    "Upgrade: websocket",
                    "Connection: Upgrade",
                    "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Protocol: nova.v2, nova.v1",
                    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
                    "Authorization: Bearer abc",
                    "X-Twice: 1",
                    "x-twice: 2",
                ]
            )
        }

        @Test func `nothing of libwebsockets' own is in it`() async throws {
            let (lines, _) = try await self.request()
            try #require(lines.count == 6)
            let names = lines.dropFirst().map { $0.split(separator: ":")[0].lowercased() }
            #expect(Set(names).count == names.count)
            #expect(Set(names) == ["host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version"])
        }

        @Test(arguments: [6_000, 40_000])
        func `a long path is not cut`(length: Int) async throws {
            let path = String(repeating: "0123456789", count: length / 10)
            let (lines, _) = try await self.request(path)
            #expect(lines.first == "GET /\(path) HTTP/1.1")
            #expect(lines.count == 6)
        }

        @Test func `long header values are not cut`() async throws {
            let value = String(repeating: "cookie=0123456789; ", count: 540) + "last=1"
            let configuration = WebSocketConfiguration.with {
                $0.headers.append(name: "Cookie", value: value)
                $0.headers.append(name: "Origin", value: "https://example.com/" + String(repeating: "o", count: 500))
                $0.headers.append(name: "X-Last", value: "end")
            }
            let (lines, _) = try await self.request("", configuration)
            #expect(value.utf8.count > 10_000)
            #expect(lines.contains("Cookie: \(value)"))
            #expect(lines.contains("Origin: https://example.com/" + String(repeating: "o", count: 500)))
            #expect(lines.last == "X-Last: end")
        }

        @Test func `each connection has a key of its own`() async throws {
            var keys: Set<String> = []
            for _ in 0..<5 {
                let (lines, _) = try await self.request()
                keys.formUnion(lines.filter { $0.hasPrefix("Sec-WebSocket-Key") })
            }
            #expect(keys.count == 5)
        }

        @Test func `the name that was written is in the Host line, not the address`() async throws {
            try await withScriptedServer([.acceptUpgrade(), .waitForEndOfStream]) { server in
                // The server listens on 127.0.0.1 only: where localhost is ::1 first, the second address is tried.
                let socket = try await WebSocket.connect(to: "ws://LOCALHOST:\(server.port)/")
                socket.abort()
                let transcript = try await server.finished()
                #expect(transcript.first.request.contains("\r\nHost: localhost:\(server.port)\r\n"))
            }
        }
    }
}

extension String {
    func components(_ separator: String) -> [String] {
        self.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
