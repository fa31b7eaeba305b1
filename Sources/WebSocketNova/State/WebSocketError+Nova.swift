public import WebSocketCore

extension WebSocketError.Code {
    /// A transition of the connection's status that its table does not have.
    public static let invalidTransition = WebSocketError.Code(rawValue: "invalid_transition")
    /// A stream that is not, or no longer, one of the connection's.
    public static let streamNotFound = WebSocketError.Code(rawValue: "stream_not_found")
    /// A stream is not open.
    public static let invalidStreamStatus = WebSocketError.Code(rawValue: "invalid_stream_status")
    /// There is no open connection.
    public static let notConnected = WebSocketError.Code(rawValue: "not_connected")
    /// A message that cannot be made or understood.
    public static let invalidMessage = WebSocketError.Code(rawValue: "invalid_message")
}
