/// Takes messages apart and puts them together.
public protocol MessageHandler: MessageObserver {
    /// A message came: makes of it what the other calls are given. Called for every message where
    /// ``MessageObserver/wantsMessages`` is true; else only while somebody waits for the answer to a request, an authentication
    /// or the news of a channel.
    ///
    /// By default JSON text becomes its value; other text `{"content": …}`; bytes `{"content": …, "binary_data": true}` with
    /// the bytes in hexadecimal.
    ///
    /// - Throws: whatever is wrong with the message; where every message is wanted, it is reported.
    mutating func validate(_ message: WebSocketMessage) throws -> JSONValue

    /// What kind of message it is: `subscription`, `ping`, `error` and so on.
    ///
    /// By default it is what the member `type`, then `method`, then `action` says, if that is one of the words known for it;
    /// else `unknown`.
    func type(of message: JSONValue) -> String

    /// A valid message came that answers nothing. Called only where ``MessageObserver/wantsMessages`` is true. By default
    /// nothing follows from it.
    mutating func handleMessage(_ message: JSONValue, on stream: StreamRef) throws -> HandlerDecision

    /// Makes what is sent out of what the user gives. By default texts and bytes stay what they are, and JSON becomes text.
    mutating func encode(_ message: OutgoingMessage) throws -> WebSocketFrame
}

/// What a user sends.
public enum OutgoingMessage: Sendable, Hashable {
    /// Goes out as it is, as text.
    case text(String)
    /// Goes out as it is.
    case binary([UInt8])
    /// Goes out as JSON text.
    case json(JSONValue)
}

extension MessageHandler {
    public mutating func validate(_ message: WebSocketMessage) throws -> JSONValue {
        switch message {
        case .text(let text):
            guard let first = text.utf8.first(where: { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }),
                first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
            else { return ["content": .string(text)] }
            return try JSONValue(parsing: text)
        case .binary(let bytes):
            return ["content": .string(hexadecimal(bytes)), "binary_data": true]
        }
    }

    public func type(of message: JSONValue) -> String {
        for (member, words) in knownTypes {
            if let value = message[member]?.string, words.contains(value) { return value }
        }
        return "unknown"
    }

    public mutating func handleMessage(_ message: JSONValue, on stream: StreamRef) throws -> HandlerDecision { .ok }

    public mutating func encode(_ message: OutgoingMessage) throws -> WebSocketFrame {
        switch message {
        case .text(let text): .text(text)
        case .binary(let bytes): .binary(bytes)
        case .json(let value): .text(try value.text())
        }
    }
}

/// The members that may say what kind of message one is, and the words that each has for it.
private let knownTypes: [(String, Set<String>)] = [
    ("type", ["subscription", "ping", "pong", "error", "info", "data"]),
    ("method", ["subscribe", "unsubscribe", "publish"]),
    ("action", ["join", "leave", "update", "ping"]),
]

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
