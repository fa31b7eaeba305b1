public import WebSocketCore

/// What all eight kinds of handler have in common.
///
/// A handler is a value with state of its own. The connection holds it, calls it on its own executor, one call at a time,
/// and carries out the decisions that it returns; so a handler needs no lock, and must not block. A handler that throws
/// keeps the state that it had before the call; the error is reported, or thrown to the user on whose behalf it was called,
/// and the connection goes on.
public protocol Handler: Sendable {
    /// Makes a handler with its defaults. It stands in where ``init(options:)`` throws.
    init()

    /// Makes a handler.
    ///
    /// - Throws: whatever is wrong with the options. The error is recorded, and `init()` stands in.
    init(options: HandlerOptions) throws
}

extension Handler {
    /// Makes a handler that has no options.
    public init(options: HandlerOptions) throws { self.init() }
}

/// What those kinds of handler have in common that look at messages if they are asked to: messages, logging and metrics.
public protocol MessageObserver: Handler {
    /// Whether the calls that concern each single message are to be made, which costs every message its share. Read once.
    /// Default: false.
    ///
    /// An adapter that conforms to several of these protocols answers for all of them.
    var wantsMessages: Bool { get }
}

extension MessageObserver {
    public var wantsMessages: Bool { false }
}

/// Options for a handler, by name.
public typealias HandlerOptions = [String: JSONValue]

/// What a handler wants done. Every kind of decision is honoured wherever a handler may return it.
public enum HandlerDecision: Sendable, Hashable {
    /// Go on.
    case ok
    /// Send a frame on the stream concerned.
    case reply(WebSocketFrame)
    /// Send frames on the stream concerned, in order.
    case replyMany([WebSocketFrame])
    /// Close the connection with a Close frame. It is not reconnected.
    case close(WebSocketCloseCode = .normalClosure, reason: String = "")
    /// End the connection for good, with an error that says why.
    case stop(reason: String)
    /// Give up this transport and reconnect, after a time of the handler's choice or one by policy.
    case reconnect(after: Duration? = nil)
}
