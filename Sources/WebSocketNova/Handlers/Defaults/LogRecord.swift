public import Logging
internal import WebSocketCore

/// One line of the log, before it is put into words.
///
/// There are no header values, payloads and query strings in it. Texts that a peer chose are cut, and their control
/// characters are escaped.
public struct LogRecord: Sendable, Hashable {
    /// What a line is about.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case connection, message, error
    }

    /// What the line is about.
    public var kind: Kind
    /// What happened, in words that do not change between releases: `connection.open` for example.
    public var event: String
    /// How important it is.
    public var level: Logger.Level
    /// What happened, for people.
    public var message: String
    /// What it happened to.
    public var metadata: [String: JSONValue]

    /// Makes a record.
    public init(
        kind: Kind,
        event: String,
        level: Logger.Level,
        message: String,
        metadata: [String: JSONValue] = [:]
    ) {
        self.kind = kind
        self.event = event
        self.level = level
        self.message = message
        self.metadata = metadata
    }

    /// The record as one JSON object, on one line and with its members sorted: the metadata, `event`, `kind`, `level` and
    /// `message`. Numbers that JSON does not have, infinity for example, are texts.
    public var json: String {
        let essence: [String: JSONValue] = [
            "event": .string(self.event), "kind": .string(self.kind.rawValue),
            "level": .string(self.level.rawValue), "message": .string(self.message),
        ]
        let members = self.metadata.mapValues(Self.encodable).merging(essence) { $1 }
        // What cannot be encoded must not cost the line.
        if let text = try? JSONText.encode(JSONValue.object(members)) { return text }
        return (try? JSONText.encode(JSONValue.object(essence))) ?? "{}"
    }

    private static func encodable(_ value: JSONValue) -> JSONValue {
        switch value {
        case .number(let number) where !number.isFinite: .string("\(number)")
        case .array(let elements): .array(elements.map(Self.encodable))
        case .object(let members): .object(members.mapValues(Self.encodable))
        default: value
        }
    }

    /// The metadata as swift-log has it.
    var logMetadata: Logger.Metadata {
        self.metadata.mapValues { .string(Self.text(of: $0)) }
    }

    private static func text(of value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value): value
        case .array, .object: (try? JSONText.encode(Self.encodable(value))) ?? "?"
        }
    }
}
