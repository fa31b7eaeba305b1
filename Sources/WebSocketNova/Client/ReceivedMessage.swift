public import WebSocketCore

/// A message that came, and what it says.
public struct ReceivedMessage: Sendable, Hashable {
    /// The message as it came.
    public var message: WebSocketMessage
    /// Its content, as the message handler has made it out: by default its JSON.
    public var json: JSONValue
    /// The stream that it came on.
    public var stream: StreamRef

    /// Makes the record of a message.
    public init(_ message: WebSocketMessage, json: JSONValue, stream: StreamRef) {
        self.message = message
        self.json = json
        self.stream = stream
    }

    /// Decodes the message's JSON.
    ///
    /// - Throws: `invalid_message` if it is not the JSON of such a value.
    public func decode<Value: Decodable>(as type: Value.Type = Value.self) throws(WebSocketError) -> Value {
        switch self.message {
        case .text(let text): try JSONText.decode(type, from: text.utf8)
        case .binary(let bytes): try JSONText.decode(type, from: bytes)
        }
    }
}

/// What a matcher says of a message.
public enum RequestMatch: Sendable, Hashable {
    /// It is the answer.
    case answer
    /// It is not.
    case skip
}
