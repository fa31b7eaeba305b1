import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("A client's certificate", .timeLimit(.minutes(1)))
    struct ClientIdentityTests {
        private typealias Identity = TLSConfiguration.ClientIdentity

        private func bytes(_ source: TLSConfiguration.PEMSource) throws -> [UInt8] {
            guard case .bytes(let bytes) = source.storage else { throw TemporaryFile.Failure() }
            return bytes
        }

        private func refusal(_ identity: Identity) async throws -> String {
            let error = try #require(
                await openingError("wss://127.0.0.1:1/", .with { $0.tls.clientIdentity = identity })
            )
            #expect(error.code == .invalidConfiguration, "\(error)")
            #expect(error.message.contains("tls.clientIdentity."), "\(error)")
            #expect(!"\(error)".contains("hunter2"))
            return error.message
        }

        @Test(arguments: [TLSConfiguration.Version.tls12, .tls13])
        func `is shown to a server that demands one`(version: TLSConfiguration.Version) async throws {
            try await withTLSServer({
                $0.demandsClientCertificate = true
                $0.maximumVersion = version
            }) { server, client in
                let authority = try #require(server.authority)
                for (passphrase, hasIntermediate) in [(nil, false), ("hunter2", false), (nil, true)] {
                    let identity = try authority.makeClientIdentity(
                        name: "alice",
                        passphrase: passphrase,
                        hasIntermediate: hasIntermediate
                    )
                    let report = try await tlsReport(server.url, client.tls { $0.clientIdentity = identity })
                    #expect(report["client"] == "/CN=alice")
                }
            }
        }

        @Test func `comes from files`() async throws {
            try await withTLSServer({ $0.demandsClientCertificate = true }) { server, client in
                let identity = try #require(server.authority).makeClientIdentity(name: "bob", passphrase: "hunter2")
                let chain = try TemporaryFile(try self.bytes(identity.certificateChain))
                let key = try TemporaryFile(try self.bytes(identity.privateKey))
                defer {
                    chain.remove()
                    key.remove()
                }
                let files = Identity(
                    certificateChain: .file(chain.path),
                    privateKey: .file(key.path),
                    passphrase: "hunter2"
                )
                try await expectTLS(server.url, client.tls { $0.clientIdentity = files }, "client", "/CN=bob")
            }
        }

        @Test(arguments: [TLSConfiguration.Version.tls12, .tls13])
        func `is missing, or from another authority`(version: TLSConfiguration.Version) async throws {
            try await withTLSServer({
                $0.demandsClientCertificate = true
                $0.maximumVersion = version
            }) { server, client in
                let foreign = try TestCertificateAuthority().makeClientIdentity()
                for identity in [nil, foreign] {
                    let error = try #require(
                        await openingError(server.url, client.tls { $0.clientIdentity = identity })
                    )
                    #expect(error.code == .tlsFailed, "\(error)")
                    let reason = error.tlsFailure?.reason
                    // TLS 1.2 has no alert of its own for a missing certificate.
                    #expect(reason == .clientCertificateRefused || reason == .handshakeRefused, "\(error)")
                    #expect(error.tlsFailure?.alert != nil)
                    #expect(error.message.contains("the server sent the alert"), "\(error)")
                    #expect(error.message.contains(identity == nil ? "no client certificate" : "a client certificate"))
                }
            }
        }

        @Test func `does not fit its key`() async throws {
            let authority = try TestCertificateAuthority()
            let (one, other) = (try authority.makeClientIdentity(), try authority.makeClientIdentity())
            let message = try await self.refusal(
                Identity(certificateChain: one.certificateChain, privateKey: other.privateKey)
            )
            #expect(message.contains("the key is not that of the first certificate"), "\(message)")
        }

        @Test func `has a key with another passphrase, or none is given`() async throws {
            var identity = try TestCertificateAuthority().makeClientIdentity(passphrase: "hunter2")
            identity.passphrase = "hunter22"
            var message = try await self.refusal(identity)
            #expect(message.contains("privateKey"), "\(message)")
            #expect(message.contains("the passphrase is wrong"), "\(message)")
            identity.passphrase = String(repeating: "x", count: 5_000)
            message = try await self.refusal(identity)
            #expect(message.contains("the passphrase is wrong"), "\(message)")
            identity.passphrase = nil
            message = try await self.refusal(identity)
            #expect(message.contains("there is no passphrase"), "\(message)")
        }

        @Test func `is in a file that is missing, a directory, or holds something else`() async throws {
            let identity = try TestCertificateAuthority().makeClientIdentity()
            let chain = identity.certificateChain
            let key = identity.privateKey
            for (bad, words) in [("/nonexistent.pem", "No such file"), ("/etc", "not a regular file")] {
                var message = try await self.refusal(Identity(certificateChain: .file(bad), privateKey: key))
                #expect(message.contains("certificateChain") && message.contains(words), "\(message)")
                message = try await self.refusal(Identity(certificateChain: chain, privateKey: .file(bad)))
                #expect(message.contains("privateKey") && message.contains(words), "\(message)")
            }
            var message = try await self.refusal(Identity(certificateChain: key, privateKey: key))
            #expect(message.contains("it holds no certificate in PEM"), "\(message)")
            message = try await self.refusal(Identity(certificateChain: chain, privateKey: chain))
            #expect(message.contains("it holds no private key in PEM"), "\(message)")
            message = try await self.refusal(Identity(certificateChain: .pem([]), privateKey: key))
            #expect(message.contains("certificateChain"), "\(message)")
            // In the middle of the text.
            var broken = try self.bytes(chain)
            broken.replaceSubrange(100..<140, with: repeatElement(UInt8(ascii: "A"), count: 40))
            message = try await self.refusal(Identity(certificateChain: .pem(broken), privateKey: key))
            #expect(message.contains("certificate 1 is broken"), "\(message)")
        }

        @Test func `is in no description`() throws {
            let identity = try TestCertificateAuthority().makeClientIdentity(passphrase: "hunter2")
            var tls = TLSConfiguration()
            tls.clientIdentity = identity
            var dumped = ""
            dump(tls, to: &dumped)
            let secret = String(decoding: try self.bytes(identity.privateKey).dropFirst(100).prefix(20), as: UTF8.self)
            for text in ["\(tls)", String(reflecting: tls), "\(identity)", String(reflecting: identity), dumped] {
                #expect(!text.contains("hunter2"))
                #expect(!text.contains(secret))
                #expect(!text.contains("45, 45, 45"), "\(text)")
            }
        }
    }
}
