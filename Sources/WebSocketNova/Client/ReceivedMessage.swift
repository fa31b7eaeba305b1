public import WebSocketCore

/// A message that came, and what it says.
public struct ReceivedMessage: Sendable, Hashable {
    /// The message as it came.
    public var message: WebSocketMessage
    /// Its content, as the message handler has made it out: by default its JSON. Of news for a channel, what the subscription
    /// handler has taken out of that.
    public var json: JSONValue
    /// Whether ``json`` is a part of the message.
    private(set) var isPart = false
    /// The stream that it came on.
    public var stream: StreamRef

    /// Makes the record of a message.
    public init(_ message: WebSocketMessage, json: JSONValue, stream: StreamRef) {
        self.message = message
        self.json = json
        self.stream = stream
    }

    /// The same message, of which something has been taken out.
    func taking(_ part: JSONValue) -> ReceivedMessage {
        var taken = self
        taken.isPart = self.isPart || part != self.json
        taken.json = part
        return taken
    }

    /// Decodes a value: from the message itself, or from ``json`` where that is a part of it.
    ///
    /// - Throws: `invalid_message` if it is not the JSON of such a value.
    public func decode<Value: Decodable>(as type: Value.Type = Value.self) throws(WebSocketError) -> Value {
        if self.isPart { return try JSONText.decode(type, from: self.json.text().utf8) }
        return switch self.message {
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
