import HostileServers
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Hostile servers: no connection", .timeLimit(.minutes(1)))
    struct HostileOpeningTests {
        struct Outcome: CustomTestStringConvertible, Sendable {
            var server: HostileServer
            var code: WebSocketError.Code
            /// What the message has to name.
            var words = ""
            var status: Int?
            /// The open deadline that ends it; nil where it has to end by itself.
            var deadline: Duration?

            init(
                _ server: HostileServer,
                _ code: WebSocketError.Code,
                _ words: String = "",
                status: Int? = nil,
                deadline: Duration? = nil
            ) {
                self.server = server
                self.code = code
                self.words = words
                self.status = status
                self.deadline = deadline
            }

            var testDescription: String { "a server that \(self.server)" }
        }

        static let silent: [Outcome] = [
            Outcome(.saysNothing, .timedOut, "upgrade", deadline: .seconds(1)),
            Outcome(.dripsHeadForEver, .timedOut, "upgrade", deadline: .seconds(1)),
            Outcome(.bodyNeverComes, .upgradeRefused, "401", status: 401, deadline: .seconds(2)),
            Outcome(.saysNothingOfTLS, .timedOut, "TLS", deadline: .seconds(1)),
            Outcome(.stallsInTLSHandshake, .timedOut, "TLS", deadline: .seconds(1)),
        ]

        static let leaving: [Outcome] = [
            Outcome(.closesAtAccept, .transportFailed),
            Outcome(.closesAfterRequest, .transportFailed),
            Outcome(.resetsAfterRequest, .transportFailed),
            Outcome(.dropsInStatusLine, .transportFailed),
            Outcome(.dropsInField, .transportFailed),
            Outcome(.resetsInField, .transportFailed),
            // In TLS 1.3 the client has all it needs by then.
            Outcome(.leavesBehindTLSFlight, .transportFailed),
        ]

        /// The reset may come before anybody has looked whether the connection is there.
        @Test func `a reset at accept is a failure to connect or of the transport`() async throws {
            for _ in 0..<10 {
                try await Encounter.with(.resetsAtAccept) { encounter in
                    let error = await openingError(encounter.url, encounter.configuration)
                    #expect(
                        error?.code == .transportFailed || error?.code == .connectFailed,
                        "\(String(describing: error))"
                    )
                    #expect(error?.isRetryable == true)
                }
            }
        }

        static let wrong: [Outcome] = [
            Outcome(.wrongAccept, .invalidUpgradeResponse, "Sec-WebSocket-Accept", status: 101),
            Outcome(.missingAccept, .invalidUpgradeResponse, "Sec-WebSocket-Accept", status: 101),
            Outcome(.missingUpgrade, .invalidUpgradeResponse, "Upgrade", status: 101),
            Outcome(.missingConnection, .invalidUpgradeResponse, "Connection", status: 101),
            Outcome(.emptySwitch, .invalidUpgradeResponse, "Upgrade", status: 101),
            Outcome(.twoAccepts, .invalidUpgradeResponse, "Sec-WebSocket-Accept", status: 101),
            Outcome(.switchesWithBody, .invalidUpgradeResponse, "Content-Length", status: 101),
            Outcome(.switchesInHTTP10, .invalidUpgradeResponse, "HTTP/1.0"),
            Outcome(.unofferedSubprotocol, .invalidUpgradeResponse, "subprotocol", status: 101),
            Outcome(.unofferedExtension, .invalidUpgradeResponse, "extension", status: 101),
            Outcome(.unknownExtension, .invalidUpgradeResponse, "extension", status: 101),
            Outcome(.repeatedExtension, .invalidUpgradeResponse, "extension", status: 101),
            Outcome(.redirectsToItself, .upgradeRefused, "302", status: 302),
        ]

        /// libwebsockets looks for the end of a head before it looks at its beginning: without one, the end of the stream
        /// or the deadline comes first.
        static let noHTTP: [Outcome] = [
            Outcome(.speaksHTTP09, .transportFailed),
            Outcome(.speaksSSH, .timedOut, "upgrade", deadline: .seconds(1)),
            Outcome(.sendsBinary, .timedOut, "upgrade", deadline: .seconds(1)),
            Outcome(.statusIsNoNumber, .invalidUpgradeResponse),
            Outcome(.speaksTLSToPlain, .transportFailed),
        ]

        static let endless: [Outcome] = [
            Outcome(.endlessFields, .invalidUpgradeResponse),
            Outcome(.endlessFieldLine, .invalidUpgradeResponse),
            Outcome(.endlessUnknownFieldLine, .invalidUpgradeResponse),
            Outcome(.endlessFieldName, .invalidUpgradeResponse),
            Outcome(.endlessStatusLine, .invalidUpgradeResponse),
            Outcome(.endlessInterims, .invalidUpgradeResponse),
            Outcome(.endlessBody, .upgradeRefused, "200", status: 200),
            Outcome(.endlessChunkedBody, .upgradeRefused, "200", status: 200),
        ]

        /// Each turn is a connection of its own.
        @Test func `a circle of redirections is found`() async throws {
            try await Encounter.with(.redirectsToItself, clients: 2, { $0.redirects = .follow() }) { encounter in
                let error = try #require(await openingError(encounter.url, encounter.configuration))
                #expect(error.code == .redirectFailed, "\(error)")
                #expect(error.message.contains("/again"), "\(error)")
            }
        }

        @Test(arguments: silent + leaving + wrong + noHTTP + endless)
        func `is not opened, and told why`(outcome: Outcome) async throws {
            try await Encounter.with(
                outcome.server,
                { if let deadline = outcome.deadline { $0.deadlines.open = deadline } }
            ) { encounter in
                let error = try #require(await openingError(encounter.url, encounter.configuration))
                #expect(error.code == outcome.code, "\(error)")
                #expect(error.message.localizedContains(outcome.words), "\(error)")
                #expect(error.handshake?.status == outcome.status, "\(error)")
                #expect((error.deadline?.kind == .open) == (error.code == .timedOut), "\(error)")
                #expect((error.handshake?.bodyPrefix.count ?? 0) <= encounter.configuration.limits.refusalBodySize)
            }
        }

        /// What it has sent is what the kernels' buffers hold and little more: nobody has read it.
        @Test(arguments: endless)
        func `is cut off`(outcome: Outcome) async throws {
            try await Encounter.with(outcome.server) { encounter in
                _ = await openingError(encounter.url, encounter.configuration)
                let sent = encounter.server.transcript.first.sentCount
                #expect(sent < HostileServer.endless / 2, "\(sent) bytes")
            }
        }

        /// Which server, and what is said of it.
        typealias SecureOutcome = (server: HostileServer, reason: TLSFailure.Reason)

        static let secure: [SecureOutcome] = [
            (.leavesBeforeTLS, .peerClosed), (.resetsBeforeTLS, .peerClosed), (.dropsInTLSHandshake, .peerClosed),
            (.resetsInTLSHandshake, .peerClosed), (.sendsAlert, .handshakeRefused), (.garbageForTLSHandshake, .other),
            (.answersTLSWithHTTP, .notTLS), (.answersTLSWithSSH, .notTLS), (.wrongName, .nameMismatch),
            (.noName, .nameMismatch), (.expired, .expired), (.notYetValid, .notYetValid), (.selfSigned, .selfSigned),
            (.unknownIssuer, .unknownIssuer),
        ]

        @Test(arguments: secure.map(\.server.description))
        func `is not trusted, or speaks no TLS`(description: String) async throws {
            let outcome = try #require(Self.secure.first { $0.server.description == description })
            try await Encounter.with(outcome.server) { encounter in
                let error = try #require(await openingError(encounter.url, encounter.configuration))
                #expect(error.code == .tlsFailed, "\(error)")
                #expect(error.tlsFailure?.reason == outcome.reason, "\(error)")
                // No certificate, no request: whoever is not trusted learns nothing.
                _ = try? await encounter.server.finished()
                #expect(encounter.server.transcript.first.requestHead.isEmpty)
            }
        }
    }
}

extension String {
    /// Whether it holds the words, in whatever case; all do hold none.
    fileprivate func localizedContains(_ words: String) -> Bool {
        words.isEmpty || self.lowercased().contains(words.lowercased())
    }
}
