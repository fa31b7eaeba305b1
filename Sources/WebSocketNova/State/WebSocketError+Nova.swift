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

extension WebSocketError.Code {
    /// There is nothing to authenticate with.
    public static let missingCredentials = WebSocketError.Code(rawValue: "missing_credentials")
    /// The service does not accept us.
    public static let authenticationFailed = WebSocketError.Code(rawValue: "authentication_failed")
    /// A request was over the rate limit.
    public static let rateLimitExceeded = WebSocketError.Code(rawValue: "rate_limit_exceeded")
    /// The service refused a subscription, or did not answer in time.
    public static let subscriptionFailed = WebSocketError.Code(rawValue: "subscription_failed")
    /// As many requests wait for their answers as the limit allows.
    public static let tooManyRequests = WebSocketError.Code(rawValue: "too_many_requests")
    /// A handler threw an error, which is the one below.
    public static let handlerFailed = WebSocketError.Code(rawValue: "handler_failed")
    /// A handler ended the connection.
    public static let stoppedByHandler = WebSocketError.Code(rawValue: "stopped_by_handler")
}

extension WebSocketError.Code {
    /// A path that leads out of the export directory, or may.
    public static let unsafePath = WebSocketError.Code(rawValue: "unsafe_path")
    /// A history could not be written to its file.
    public static let exportFailed = WebSocketError.Code(rawValue: "export_failed")
}
