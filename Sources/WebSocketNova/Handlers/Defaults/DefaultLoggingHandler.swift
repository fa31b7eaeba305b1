public import Logging
public import WebSocketCore

/// Writes to swift-log.
///
/// | level | what |
/// |---|---|
/// | error | errors that do not pass by themselves; the end of a connection that nobody meant to end |
/// | warning | errors that may pass; losses, refusals, subscriptions that were not restored |
/// | info | open, lost in order, attempts to come back, back again, ended |
/// | debug | the transport is up; each message's direction, kind and size; the events of errors |
/// | trace | each event with a frame |
///
/// No header values, payloads and query strings are written. Texts of the peer's, such as the reason of a close or the body
/// of a refusal, are cut at 256 bytes, and line breaks, terminal sequences and signs that turn the direction of writing are
/// escaped: a peer cannot forge lines.
public struct DefaultLoggingHandler: LoggingHandler {
    /// How a line looks.
    public enum Format: Sendable {
        /// A readable message, with the rest as swift-log's metadata.
        case plain
        /// The message is one JSON object with sorted members, ``LogRecord/json``; there is no other metadata.
        case json
        /// The message is what the closure makes of the record; there is no other metadata. It is called on the connection's
        /// executor and must not block.
        case custom(@Sendable (LogRecord) -> String)
    }

    /// What is less important is not written. Default: info.
    public let level: Logger.Level
    /// How a line looks. Default: plain.
    public let format: Format
    private let logger: Logger

    /// Makes a handler with the defaults.
    public init() {
        self.init(level: .info)
    }

    /// Makes a handler.
    ///
    /// - Parameters:
    ///   - level: what is less important is not written. It takes the place of the logger's own level, in a copy.
    ///   - logger: where lines go. Default: a logger of the label `websocketnova`.
    public init(
        level: Logger.Level = .info,
        format: Format = .plain,
        logger: Logger = Logger(label: "websocketnova")
    ) {
        self.level = level
        self.format = format
        var logger = logger
        logger.logLevel = level
        self.logger = logger
    }

    /// Makes a handler from a table: `log_level` is `debug`, `info`, `warn`, `warning` or `error`, `log_format` is `plain` or
    /// `json`.
    ///
    /// - Throws: `invalid_configuration` that names the option.
    public init(options: HandlerOptions) throws {
        let levels: [String: Logger.Level] = [
            "debug": .debug, "info": .info, "warn": .warning, "warning": .warning, "error": .error,
        ]
        // The third format is a closure, which no table holds.
        let formats: [String: Format] = ["plain": .plain, "json": .json]
        self.init(
            level: try Self.choice("log_level", levels, in: options) ?? .info,
            format: try Self.choice("log_format", formats, in: options) ?? .plain
        )
    }

    private static func choice<Choice>(
        _ name: String,
        _ choices: [String: Choice],
        in options: HandlerOptions
    ) throws(WebSocketError) -> Choice? {
        guard let value = options[name], value != .null else { return nil }
        if let choice = value.string.flatMap({ choices[$0] }) { return choice }
        let shown = value.string.map { " is \"\(LogText.escaped($0, limit: 64))\"" } ?? ""
        let names = choices.keys.sorted().joined(separator: ", ")
        throw WebSocketError(.invalidConfiguration, "option \"\(name)\"\(shown): it must be one of \(names)")
    }

    public mutating func logConnection(_ event: ClientEvent) {
        guard self.writes(LogRecord.level(of: event.kind)) else { return }
        self.write(LogRecord(event))
    }

    public mutating func logMessage(
        _ direction: MessageDirection,
        kind: WebSocketFrame.Kind,
        size: Int,
        stream: StreamRef
    ) {
        guard self.writes(.debug) else { return }
        self.write(LogRecord(direction, kind, size: size, stream: stream))
    }

    public mutating func logError(_ error: WebSocketError, context: ErrorContext) {
        guard self.writes(LogRecord.level(of: error)) else { return }
        self.write(LogRecord(error, context: context))
    }

    /// Messages are written at the level debug.
    public var wantsMessages: Bool { self.writes(.debug) }

    /// Asked before a record is made. A backend may have a level that cannot be changed.
    private func writes(_ level: Logger.Level) -> Bool { level >= self.level && level >= self.logger.logLevel }

    private func write(_ record: LogRecord) {
        switch self.format {
        case .plain:
            self.logger.log(level: record.level, "\(record.message)", metadata: record.logMetadata)
        case .json:
            self.logger.log(level: record.level, "\(record.json)")
        case .custom(let text):
            self.logger.log(level: record.level, "\(text(record))")
        }
    }
}
