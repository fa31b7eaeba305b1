/// One message.
public enum WebSocketMessage: Sendable, Hashable {
    /// Text. What a peer sends as text is known to be UTF-8 when it gets here.
    case text(String)
    /// Bytes.
    case binary([UInt8])

    /// The kinds of message.
    public enum Kind: Sendable, Hashable {
        /// Text in UTF-8.
        case text
        /// Bytes.
        case binary
    }

    /// How many bytes its payload has; of text, in UTF-8.
    public var payloadSize: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        }
    }

    /// Which kind it is.
    public var kind: Kind {
        switch self {
        case .text: .text
        case .binary: .binary
        }
    }
}

/// A piece of a message, as it came: pieces follow neither the peer's frames nor, in text, the bounds of characters.
public struct WebSocketFragment: Sendable, Hashable {
    /// The kind of the message.
    public var kind: WebSocketMessage.Kind
    /// The piece's bytes; of text, its UTF-8.
    public var bytes: [UInt8]
    /// Whether it ends its message.
    public var isFinal: Bool

    /// Makes a piece.
    public init(kind: WebSocketMessage.Kind, bytes: [UInt8], isFinal: Bool) {
        self.kind = kind
        self.bytes = bytes
        self.isFinal = isFinal
    }
}
