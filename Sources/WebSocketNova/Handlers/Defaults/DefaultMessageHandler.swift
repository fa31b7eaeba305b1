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
}
