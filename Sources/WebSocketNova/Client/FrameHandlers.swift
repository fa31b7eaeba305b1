/// What is done with frames of one kind in the place of the default, kind by kind.
///
/// A pure value. The handler of a kind is asked before everybody else, and its decision is carried out; where there is none,
/// the frame goes the usual way. A kind that nobody wants costs the look at one bit.
public struct FrameHandlers: Sendable {
    /// Says what to do about a frame. Called on the connection's executor; it must not block.
    ///
    /// An error is reported, and the frame then goes the usual way.
    public typealias Handler = @Sendable (WebSocketFrame, StreamRef) throws -> HandlerDecision

    private var handlers: [WebSocketFrame.Kind: Handler] = [:]
    /// One bit for each kind that has a handler.
    private var wanted: UInt8 = 0

    /// No handlers: every frame goes the usual way.
    public init() {}

    /// Whether no kind has a handler.
    public var isEmpty: Bool { self.wanted == 0 }

    /// Whether a kind has a handler.
    public func wants(_ kind: WebSocketFrame.Kind) -> Bool { self.wanted & Self.bit(kind) != 0 }

    /// Whether text or binary messages have one.
    public var wantsMessages: Bool { self.wants(.text) || self.wants(.binary) }

    /// Installs a handler, in the place of the one that the kind had before.
    public mutating func register(_ kind: WebSocketFrame.Kind, _ handler: @escaping Handler) {
        self.handlers[kind] = handler
        self.wanted |= Self.bit(kind)
    }

    /// Restores the default for a kind. One that has no handler is left as it is.
    public mutating func unregister(_ kind: WebSocketFrame.Kind) {
        self.handlers[kind] = nil
        self.wanted &= ~Self.bit(kind)
    }

    /// Asks the handler of the frame's kind.
    ///
    /// - Returns: its decision; nil if the kind has none, and the frame goes the usual way.
    /// - Throws: what the handler throws.
    public func handle(_ frame: WebSocketFrame, on stream: StreamRef) throws -> HandlerDecision? {
        guard self.wants(frame.kind) else { return nil }
        return try self.handlers[frame.kind]?(frame, stream)
    }

    private static func bit(_ kind: WebSocketFrame.Kind) -> UInt8 {
        switch kind {
        case .text: 1
        case .binary: 2
        case .ping: 4
        case .pong: 8
        case .close: 16
        }
    }
}
