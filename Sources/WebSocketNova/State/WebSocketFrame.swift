public import WebSocketCore

/// One frame as handlers and listeners see it: whole messages and control frames.
public enum WebSocketFrame: Sendable, Hashable {
    /// A text message.
    case text(String)
    /// A binary message.
    case binary(WebSocketBytes)
    /// A ping with its payload of at most 125 bytes (RFC 6455 section 5.5).
    case ping([UInt8] = [])
    /// A pong with its payload of at most 125 bytes.
    case pong([UInt8] = [])
    /// A Close frame; with code 1005 one without a code.
    case close(WebSocketCloseCode = .noStatusReceived, reason: String = "")

    /// A binary message of the bytes of an array, which is not copied.
    public static func binary(_ bytes: [UInt8]) -> WebSocketFrame { .binary(WebSocketBytes(bytes)) }

    /// The kinds of frame.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case text, binary, ping, pong, close
    }

    /// Which kind it is.
    public var kind: Kind {
        switch self {
        case .text: .text
        case .binary: .binary
        case .ping: .ping
        case .pong: .pong
        case .close: .close
        }
    }

    /// How many bytes its payload has.
    public var size: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        case .ping(let bytes), .pong(let bytes): bytes.count
        case .close(.noStatusReceived, _): 0
        case .close(_, let reason): 2 + reason.utf8.count
        }
    }

    /// Refuses a frame that must not be sent.
    ///
    /// - Throws: `control_frame_too_large`, `invalid_close_code`, `invalid_close_reason`.
    public func validate() throws(WebSocketError) {
        switch self {
        case .text, .binary:
            break
        case .ping(let payload), .pong(let payload):
            guard payload.count <= 125 else {
                throw WebSocketError(
                    .controlFrameTooLarge,
                    "a \(self.kind.rawValue) of \(payload.count) bytes; at most 125 are allowed"
                )
            }
        case .close(.noStatusReceived, let reason) where reason.isEmpty:
            break
        case .close(let code, let reason):
            _ = try CloseFrame(code: code, reason: reason)
        }
    }
}

extension WebSocketFrame {
    /// A message as a frame.
    init(_ message: WebSocketMessage) {
        switch message {
        case .text(let text): self = .text(text)
        case .binary(let bytes): self = .binary(bytes)
        }
    }
}
