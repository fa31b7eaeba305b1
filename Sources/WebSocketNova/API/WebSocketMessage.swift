/// One message.
public enum WebSocketMessage: Sendable, Hashable {
    /// Text. What a peer sends as text is known to be UTF-8 when it gets here.
    case text(String)
    /// Bytes.
    case binary(WebSocketBytes)

    /// A message of the bytes of an array, which is not copied.
    public static func binary(_ bytes: [UInt8]) -> WebSocketMessage { .binary(WebSocketBytes(bytes)) }

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

extension WebSocketMessage {
    /// A copy of a payload; what is text has been found to be UTF-8.
    init(copying payload: UnsafeRawBufferPointer, isText: Bool) {
        self = isText ? .text(String(validatedUTF8: payload)) : .binary([UInt8](payload))
    }
}

extension String {
    /// A copy of bytes that have been found to be UTF-8, which are not looked through once more.
    init(validatedUTF8 bytes: UnsafeRawBufferPointer) {
        let units = bytes.assumingMemoryBound(to: UInt8.self)
        // Unsafe because UTF-8 that is not would be undefined behaviour: the decoder has validated it.
        self.init(copying: UTF8Span(unchecked: Span(_unsafeElements: units)))
    }

    /// A copy of an array of bytes that have been found to be UTF-8.
    init(validatedUTF8 bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { String(validatedUTF8: $0) }
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
