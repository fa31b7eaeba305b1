import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("A TLS handshake that fails", .timeLimit(.minutes(1)))
    struct HandshakeFailureTests {
        private func failure(_ script: [ScriptedServer.Step]) async throws -> WebSocketError {
            try await withScriptedServer(script) { server in
                let error = try #require(await openingError("wss://127.0.0.1:\(server.port)/"))
                #expect(error.code == .tlsFailed, "\(error)")
                return error
            }
        }

        @Test func `the server does not speak TLS`() async throws {
            for text in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
                let error = try await self.failure([.send(text), .waitForEndOfStream])
                #expect(error.tlsFailure?.reason == .notTLS, "\(error)")
                #expect(!error.isRetryable)
            }
            try await withEchoServer { server in
                let error = await openingError("wss://127.0.0.1:\(server.port)/")
                #expect(error?.code == .tlsFailed)
            }
        }

        @Test func `the server closes or resets the connection`() async throws {
            for script: [ScriptedServer.Step] in [
                [.receive(5), .shutdownWrite, .waitForEndOfStream], [.receive(5), .reset],
            ] {
                let error = try await self.failure(script)
                #expect(error.tlsFailure?.reason == .peerClosed, "\(error)")
                #expect(error.isRetryable)
                #expect(error.message.contains("offered TLS 1.2 and later, no server name"), "\(error)")
            }
        }

        /// A fatal alert in a record of its own (RFC 5246 section 7.2).
        @Test(
            arguments: [
                (UInt8(40), TLSFailure.Reason.handshakeRefused), (70, .protocolVersion), (71, .handshakeRefused),
                (112, .unrecognizedName), (48, .clientCertificateRefused), (116, .clientCertificateRefused),
                (80, .other),
            ]
        )
        func `the server answers with an alert`(alert: UInt8, reason: TLSFailure.Reason) async throws {
            let record: [UInt8] = [21, 3, 3, 0, 2, 2, alert]
            let error = try await self.failure([.receive(5), .send(record), .waitForEndOfStream])
            #expect(error.tlsFailure == TLSFailure(reason: reason, alert: alert), "\(error)")
            #expect(error.message.contains("the server sent the alert"), "\(error)")
        }

        @Test func `the server says nothing`() async throws {
            try await withScriptedServer([.waitForEndOfStream]) { server in
                let error = await openingError(
                    "wss://127.0.0.1:\(server.port)/",
                    .with { $0.deadlines.open = .milliseconds(200) }
                )
                #expect(error?.code == .timedOut)
                #expect(error?.message.contains("\"tls\"") == true, "\(String(describing: error))")
            }
        }
    }
}
