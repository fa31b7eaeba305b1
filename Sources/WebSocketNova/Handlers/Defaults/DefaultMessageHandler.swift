internal import WebSocketCore

/// Takes messages for JSON, and what is none as it is.
public struct DefaultMessageHandler: MessageHandler {
    /// Whether every message is looked at. Default: no, because that costs each one its JSON.
    public var wantsMessages = false
    /// How many messages have come, errors and answers to subscriptions not counted.
    public private(set) var count = 0
    /// The last of them.
    public private(set) var lastMessage: JSONValue?
    /// The last error that the peer told.
    public private(set) var lastError: String?
    /// What the peer said last of each channel: `subscribed`, `unsubscribed` or `unknown`. Of at most 1,024 channels,
    /// because the names are the peer's.
    public private(set) var channels: [String: String] = [:]
    private static let maximumChannels = 1024

    public init() {}

    /// JSON text becomes its value; other text `{"content": …}`; bytes `{"content": …, "binary_data": true}` with the bytes
    /// in hexadecimal.
    public mutating func validate(_ message: WebSocketMessage) throws -> JSONValue {
        switch message {
        case .text(let text):
            guard let first = text.utf8.first(where: { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }),
                first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
            else { return ["content": .string(text)] }
            return try JSONText.decode(JSONValue.self, from: text.utf8)
        case .binary(let bytes):
            return ["content": .string(hexadecimal(bytes)), "binary_data": true]
        }
    }

    /// By the member `type`, then `method`, then `action`, if its value is one of the known ones; else `unknown`.
    public func type(of message: JSONValue) -> String {
        for (member, known) in Self.known {
            if let value = message[member]?.string, known.contains(value) { return value }
        }
        return "unknown"
    }

    private static let known: [(String, Set<String>)] = [
        ("type", ["subscription", "ping", "pong", "error", "info", "data"]),
        ("method", ["subscribe", "unsubscribe", "publish"]),
        ("action", ["join", "leave", "update", "ping"]),
    ]

    /// - Throws: `invalid_message` with what the peer says, for a message of the type `error`.
    public mutating func handleMessage(_ message: JSONValue, on stream: StreamRef) throws -> HandlerDecision {
        switch message["type"]?.string {
        case "error":
            let text = message["message"]?.string ?? "Unknown error"
            self.lastError = text
            throw WebSocketError(.invalidMessage, "the peer reports an error: \(text.prefix(200))")
        case "subscription":
            guard let channel = message["channel"]?.string else { return .ok }
            if self.channels[channel] == nil, self.channels.count >= Self.maximumChannels { return .ok }
            let status = message["status"]?.string ?? ""
            self.channels[channel] = ["subscribed", "unsubscribed"].contains(status) ? status : "unknown"
        default:
            self.count += 1
            self.lastMessage = message
        }
        return .ok
    }

    public mutating func encode(_ message: OutgoingMessage) throws -> WebSocketFrame {
        switch message {
        case .text(let text): .text(text)
        case .binary(let bytes): .binary(bytes)
        case .json(let value): .text(try JSONText.encode(value))
        }
    }
}

/// Lower-case hexadecimal digits.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}
