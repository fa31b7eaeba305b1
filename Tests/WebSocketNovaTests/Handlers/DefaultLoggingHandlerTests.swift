import Foundation
import InMemoryLogging
import Logging
import TestSupport
import Testing
import WebSocketCore
import WebSocketNova

@Suite("The default logging handler")
struct DefaultLoggingHandlerTests {
    private static let secret = "s3cret"
    private static let stream = StreamRef(connection: ConnectionID(rawValue: 7), generation: 3)

    private let log = InMemoryLogHandler()

    private func handler(
        _ level: Logger.Level = .trace,
        _ format: DefaultLoggingHandler.Format = .plain
    ) -> DefaultLoggingHandler {
        DefaultLoggingHandler(level: level, format: format, logger: Logger(label: "test") { _ in self.log })
    }

    private func event(_ kind: ClientEvent.Kind) -> ClientEvent {
        ClientEvent(connection: Self.stream.connection, kind: kind)
    }

    /// Each event, with the name and the level that it is to be logged under. There is a secret in each that can have one.
    private static let events: [(ClientEvent.Kind, name: String, level: Logger.Level)] = [
        (.connectionUp, "connection.open", .debug),
        (.upgraded(stream, headers: fields), "connection.websocket_upgrade", .info),
        (.frame(stream, .text(secret)), "frame.received", .trace),
        (.connectionDown(.local), "connection.close", .info),
        (.connectionDown(closed(1000)), "connection.close", .info),
        (.connectionDown(closed(1001)), "connection.close", .info),
        (.connectionDown(closed(1011)), "connection.close", .warning),
        (.connectionDown(.failed(failure)), "connection.close", .warning),
        (.refused(stream, answer), "connection.refused", .warning),
        (.error(stream, failure), "error.occurred", .debug),
        (.error(nil, WebSocketError(.invalidMessage, "GET /a?token=\(secret)")), "error.occurred", .debug),
        (.transitionRefused(from: .closed, to: .connecting), "connection.transition_refused", .warning),
        (.reconnecting(attempt: 2, delay: .seconds(3), cause: .failed(failure)), "connection.reconnecting", .info),
        (.reconnected(stream, gap: .init(duration: .seconds(4), attempts: 2)), "connection.reconnected", .info),
        (.subscriptionRestored(channel: "c", failure: nil), "subscription.restored", .info),
        (.subscriptionRestored(channel: "c", failure: failure), "subscription.restoration_failed", .warning),
        (.ended(.local), "connection.ended", .info),
        (.ended(closed(1000)), "connection.ended", .info),
        (.ended(.failed(failure)), "connection.ended", .error),
    ]

    private static let fields: HTTPFields = ["Set-Cookie": "id=\(secret)", "X-Token": secret]
    private static let answer = WebSocketError.Handshake(status: 401, headers: fields, bodyPrefix: Array("no".utf8))

    /// An error with a secret wherever an error of a user's handler might have one.
    private static let failure: WebSocketError = {
        struct Below: Error, CustomStringConvertible {
            var description: String { "password \(secret)" }
        }
        return WebSocketError(
            .transportFailed,
            "wss://user:\(secret)@example.com/feed?token=\(secret) was lost",
            handshake: answer,
            underlying: Below()
        )
    }()

    private static func closed(_ code: UInt16, reason: String = "") -> DisconnectReason {
        .closed(WebSocketCloseInfo(code: .init(rawValue: code), reason: reason, initiator: .peer, wasClean: true))
    }

    private func object(_ entry: InMemoryLogHandler.Entry) throws -> [String: JSONValue] {
        try JSONDecoder().decode([String: JSONValue].self, from: Data("\(entry.message)".utf8))
    }

    // MARK: What is written

    @Test func `F85 each event has its level and, as JSON, its name`() throws {
        var handler = self.handler(.trace, .json)
        for (kind, name, level) in Self.events {
            handler.logConnection(self.event(kind))
            let entry = try #require(self.log.entries.last)
            #expect(entry.level == level, "\(name)")
            #expect(entry.metadata.isEmpty)
            let object = try self.object(entry)
            #expect(object["event"] == .string(name) && object["level"] == .string(level.rawValue))
            #expect(object["connection_id"] == "connection-7")
            #expect(object["message"]?.string?.isEmpty == false)
        }
        #expect(self.log.entries.count == Self.events.count)
    }

    @Test func `F85 plain lines are readable, with the rest as metadata`() throws {
        var handler = self.handler()
        handler.logConnection(self.event(.upgraded(Self.stream, headers: Self.fields)))
        handler.logConnection(self.event(.connectionDown(Self.closed(1012, reason: "restart"))))
        handler.logMessage(.sent, kind: .text, size: 5, stream: Self.stream)
        let entries = self.log.entries
        #expect(
            entries.map { "\($0.message)" } == [
                "the connection is open", "the transport is gone: closed by peer with 1012 (service restart)",
                "sent text, 5 bytes",
            ]
        )
        #expect(
            entries.map(\.metadata) == [
                ["connection_id": "connection-7", "stream_ref": "connection-7/3", "headers": "Set-Cookie, X-Token"],
                ["connection_id": "connection-7", "reason": "1012", "close_code": "1012", "close_reason": "restart"],
                ["stream_ref": "connection-7/3", "frame_type": "text", "size": "5"],
            ]
        )
    }

    @Test func `F85 a JSON line is one object with sorted members`() {
        var handler = self.handler(.trace, .json)
        handler.logConnection(
            self.event(.reconnected(Self.stream, gap: .init(duration: .milliseconds(1500), attempts: 2)))
        )
        let line = """
            {"attempts":2,"connection_id":"connection-7","duration":1.5,"event":"connection.reconnected",\
            "kind":"connection","level":"info","message":"the connection is back after 1.5 seconds and 2 attempts",\
            "stream_ref":"connection-7/3"}
            """
        #expect(self.log.entries.map { "\($0.message)" } == [line])
    }

    @Test func `F85 a custom format gets all three kinds and decides what is written`() {
        let records = Locked<[LogRecord]>([])
        var handler = self.handler(
            .debug,
            .custom { record in
                records.withLock { $0.append(record) }
                return "event=\(record.event)"
            }
        )
        handler.logConnection(self.event(.connectionUp))
        handler.logMessage(.received, kind: .binary, size: 12, stream: Self.stream)
        handler.logError(
            WebSocketError(.invalidMessage, "bad"),
            context: ErrorContext(connection: Self.stream.connection)
        )
        #expect(records.value.map(\.kind) == [.connection, .message, .error])
        #expect(records.value[1].metadata["size"] == 12 && records.value[1].metadata["frame_type"] == "binary")
        #expect(records.value[2].metadata["reason"] == "invalid_message")
        #expect(
            self.log.entries.map { "\($0.message)" }
                == ["event=connection.open", "event=message.received", "event=error.occurred"]
        )
    }

    @Test func `F85 a custom logging handler in a set of handlers receives all three kinds`() throws {
        struct Recorder: LoggingHandler {
            var kinds: [String] = []
            mutating func logConnection(_ event: ClientEvent) { self.kinds.append("connection") }
            mutating func logMessage(_ d: MessageDirection, kind: WebSocketFrame.Kind, size: Int, stream: StreamRef) {
                self.kinds.append("message")
            }
            mutating func logError(_ error: WebSocketError, context: ErrorContext) { self.kinds.append("error") }
            var wantsMessages: Bool { true }
        }
        var handlers = HandlerSet.standard
        #expect(handlers.logging is DefaultLoggingHandler && handlers.metrics is DefaultMetricsHandler)
        handlers.install(.logging(Recorder()))
        #expect(handlers.logging?.wantsMessages == true)
        handlers.logging?.logConnection(self.event(.connectionUp))
        handlers.logging?.logMessage(.sent, kind: .text, size: 1, stream: Self.stream)
        handlers.logging?.logError(Self.failure, context: ErrorContext(connection: Self.stream.connection))
        #expect((handlers.logging as? Recorder)?.kinds == ["connection", "message", "error"])
    }

    @Test(arguments: [Logger.Level.trace, .debug, .info, .warning, .error])
    func `F85 what is below the level is not written`(level: Logger.Level) {
        var handler = self.handler(level)
        for (kind, _, _) in Self.events { handler.logConnection(self.event(kind)) }
        #expect(self.log.entries.map(\.level) == Self.events.map(\.level).filter { $0 >= level })
        self.log.clear()
        handler.logMessage(.sent, kind: .text, size: 1, stream: Self.stream)
        #expect(self.log.entries.isEmpty == (level > .debug))
        #expect(handler.wantsMessages == (level <= .debug))
    }

    @Test func `F85 the level is the handler's and not the one that the logger came with`() {
        var logger = Logger(label: "test") { _ in self.log }
        logger.logLevel = .critical
        var handler = DefaultLoggingHandler(level: .debug, logger: logger)
        handler.logConnection(self.event(.connectionUp))
        #expect(self.log.entries.count == 1 && logger.logLevel == .critical)
        #expect(DefaultLoggingHandler().level == .info && !DefaultLoggingHandler().wantsMessages)
    }

    @Test func `F85 what may pass by itself is a warning, other errors are errors`() {
        var handler = self.handler()
        let context = ErrorContext(connection: Self.stream.connection, stream: Self.stream)
        handler.logError(Self.failure, context: context)
        handler.logError(WebSocketError(.invalidMessage, "bad"), context: context)
        #expect(self.log.entries.map(\.level) == [.warning, .error])
        #expect(
            self.log.entries.last?.metadata
                == ["connection_id": "connection-7", "stream_ref": "connection-7/3", "reason": "invalid_message"]
        )
    }

    // MARK: Options

    @Test(
        arguments: [
            ("debug", .debug), ("info", .info), ("warn", .warning), ("warning", .warning), ("error", .error),
        ] as [(String, Logger.Level)]
    )
    func `F85 the level in a table`(name: String, level: Logger.Level) throws {
        #expect(try DefaultLoggingHandler(options: ["log_level": .string(name)]).level == level)
    }

    @Test func `F85 the format in a table`() throws {
        guard case .plain = try DefaultLoggingHandler(options: [:]).format,
            case .plain = try DefaultLoggingHandler(options: ["log_format": "plain"]).format,
            case .json = try DefaultLoggingHandler(options: ["log_format": "json"]).format
        else {
            Issue.record("another format")
            return
        }
    }

    @Test(
        arguments: [
            ("log_level", "loud", "debug, error, info, warn, warning"), ("log_level", 1, "debug"),
            ("log_format", "custom", "json, plain"), ("log_format", ["token": "s3cret"], "json, plain"),
        ] as [(String, JSONValue, String)]
    )
    func `F85 a wrong option is named, with what is right`(name: String, value: JSONValue, choices: String) {
        let error = #expect(throws: WebSocketError.self) { try DefaultLoggingHandler(options: [name: value]) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(name) == true && error?.message.contains(choices) == true)
        #expect(error?.message.contains(Self.secret) == false)
    }

    // MARK: What is not

    @Test func `F85 no header value, query, password, payload or token is written in any format`() {
        let formats: [DefaultLoggingHandler.Format] = [.plain, .json, .custom { "\($0)" }]
        for format in formats {
            var handler = self.handler(.trace, format)
            for (kind, _, _) in Self.events { handler.logConnection(self.event(kind)) }
            handler.logError(Self.failure, context: ErrorContext(connection: Self.stream.connection))
        }
        #expect(self.log.entries.count == 3 * (Self.events.count + 1))
        for entry in self.log.entries {
            #expect(!"\(entry.message) \(entry.metadata)".contains(Self.secret))
        }
    }

    @Test(
        arguments: [
            ("wss://u:p@h/a?b=c#d was lost", "wss://***@h/a?... was lost"),
            ("from \"ws://h?t=1\" to \"wss://h#f\"", "from \"ws://h?...\" to \"wss://h?...\""),
            ("at /path?query", "at /path?..."), ("ws://h/?q=a@b", "ws://***@..."), ("ws://a@b@h/x", "ws://***@h/x"),
            ("why? #1 a@b", "why? #1 a@b"), ("", ""), ("://", "://"), ("/?", "/?..."),
            ("ws://\u{301}h?q", "ws://\u{301}h?..."),
        ]
    )
    func `the secrets of URLs are left out of errors`(message: String, shown: String) {
        var handler = self.handler()
        handler.logError(
            WebSocketError(.invalidMessage, message),
            context: ErrorContext(connection: .init(rawValue: 1))
        )
        #expect(self.log.entries.map { "\($0.message)" } == ["error: invalid_message: \(shown)"])
    }

    @Test(arguments: ["plain", "json"])
    func `a hostile close reason makes one line without control characters`(format: String) throws {
        // 123 bytes: the most that a Close frame carries.
        var reason = "\r\n2026-01-01 ERROR forged\u{1b}[2J\u{0}\u{85}\u{2028}\u{202e}\u{200b}\u{7f}\u{9b}"
        while reason.utf8.count < 123 { reason += "\n" }
        #expect(reason.utf8.count == 123)
        var handler = self.handler(.trace, format == "json" ? .json : .plain)
        handler.logConnection(self.event(.connectionDown(Self.closed(4000, reason: reason))))
        handler.logConnection(self.event(.ended(Self.closed(4000, reason: reason))))
        #expect(self.log.entries.count == 2)
        for entry in self.log.entries {
            let text = "\(entry.message)" + entry.metadata.map { "\($0)=\($1)" }.joined()
            #expect(text.contains("ERROR forged\\") && text.utf8.count < 2000)
            let isHostile = { (scalar: Unicode.Scalar) in
                [.control, .format, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
            }
            #expect(!text.unicodeScalars.contains(where: isHostile))
        }
    }

    @Test func `texts of a peer's are cut`() throws {
        let long = String(repeating: "é", count: 10_000)
        let answer = WebSocketError.Handshake(
            status: 500,
            headers: [long: "v"],
            bodyPrefix: Array(long.utf8) + [0xff]
        )
        var handler = self.handler(.trace, .json)
        handler.logConnection(self.event(.refused(Self.stream, answer)))
        handler.logConnection(self.event(.subscriptionRestored(channel: long, failure: nil)))
        handler.logConnection(self.event(.error(nil, WebSocketError(.init(rawValue: long), long))))
        for entry in self.log.entries { #expect("\(entry.message)".utf8.count < 3000) }
        let refusal = try self.object(try #require(self.log.entries.first))
        let body = try #require(refusal["body"]?.string)
        #expect(body.hasPrefix("ééé") && body.hasSuffix(" bytes)") && body.utf8.count < 300)
    }

    // MARK: JSON

    @Test func `F85 no value makes a JSON line fail`() throws {
        let odd: [JSONValue] = [
            .number(.nan), .number(.infinity), [.number(-.infinity)], ["a": .number(.nan)], .null, true,
            .string("\u{0}\"\\\u{2028}\u{10ffff}"), .integer(.min), .number(.leastNonzeroMagnitude),
        ]
        for value in odd {
            let record = LogRecord(
                kind: .error,
                event: "e",
                level: .info,
                message: "m\n",
                metadata: ["value": value, "level": "mine"]
            )
            let object = try JSONDecoder().decode([String: JSONValue].self, from: Data(record.json.utf8))
            #expect(object["value"] != nil && object["level"] == "info" && object["message"] == "m\n")
            #expect(!record.json.contains("\n"))
        }
    }
}
