/// Takes messages apart and puts them together.
public protocol MessageHandler: Handler {
    /// A message came: makes of it what the other calls are given. Asked only where ``wantsMessages`` is true.
    ///
    /// - Throws: whatever is wrong with the message; it is reported as an error of the class `message_error`.
    mutating func validate(_ message: WebSocketMessage) throws -> JSONValue

    /// What kind of message it is: `subscription`, `ping`, `error` and so on.
    func type(of message: JSONValue) -> String

    /// A valid message came.
    mutating func handleMessage(_ message: JSONValue, on stream: StreamRef) throws -> HandlerDecision

    /// Makes what is sent out of what the user gives.
    mutating func encode(_ message: OutgoingMessage) throws -> WebSocketFrame

    /// Whether ``validate(_:)`` and ``handleMessage(_:on:)`` are to be called for each message. Read once.
    var wantsMessages: Bool { get }
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
    public var wantsMessages: Bool { false }
}
