/// A close code: why a WebSocket connection was closed (RFC 6455 section 7.4).
///
/// The set is open: every number from 0 to 65535 can be held, so that what a peer sent can be shown. Which of them may be
/// sent, and which a peer may send, is told by ``isSendable``.
public struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public var rawValue: UInt16

    /// Wraps a number; none is refused here.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// 1000: the purpose of the connection is fulfilled.
    public static let normalClosure = WebSocketCloseCode(rawValue: 1000)
    /// 1001: the endpoint goes away, a server that stops or a page that is left.
    public static let goingAway = WebSocketCloseCode(rawValue: 1001)
    /// 1002: the peer broke the protocol.
    public static let protocolError = WebSocketCloseCode(rawValue: 1002)
    /// 1003: a kind of data that the endpoint cannot take, binary to an endpoint of text for example.
    public static let unsupportedData = WebSocketCloseCode(rawValue: 1003)
    /// 1005, never on the wire: the Close frame carried no code.
    public static let noStatusReceived = WebSocketCloseCode(rawValue: 1005)
    /// 1006, never on the wire: the connection ended without a Close frame.
    public static let abnormalClosure = WebSocketCloseCode(rawValue: 1006)
    /// 1007: a message's data did not fit its type, text that is not UTF-8 for example.
    public static let invalidFramePayloadData = WebSocketCloseCode(rawValue: 1007)
    /// 1008: a message broke the endpoint's policy.
    public static let policyViolation = WebSocketCloseCode(rawValue: 1008)
    /// 1009: a message was too big.
    public static let messageTooBig = WebSocketCloseCode(rawValue: 1009)
    /// 1010: the server did not negotiate an extension that the client needs.
    public static let mandatoryExtension = WebSocketCloseCode(rawValue: 1010)
    /// 1011: the endpoint met a condition that it did not expect.
    public static let internalError = WebSocketCloseCode(rawValue: 1011)
    /// 1012: the service restarts (IANA registry).
    public static let serviceRestart = WebSocketCloseCode(rawValue: 1012)
    /// 1013: try again later (IANA registry).
    public static let tryAgainLater = WebSocketCloseCode(rawValue: 1013)
    /// 1014: a gateway got a bad answer from its upstream server (IANA registry).
    public static let badGateway = WebSocketCloseCode(rawValue: 1014)
    /// 1015, never on the wire: the TLS handshake failed.
    public static let tlsHandshakeFailure = WebSocketCloseCode(rawValue: 1015)

    /// Whether an endpoint may put this code into a Close frame: 1000-1003, 1007-1014 and 3000-4999
    /// (RFC 6455 section 7.4.1 and 7.4.2, and IANA's registry for 1012-1014).
    ///
    /// The same set is what a peer may send: any other code in a received Close frame is a protocol error.
    public var isSendable: Bool {
        switch self.rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

extension WebSocketCloseCode: CustomStringConvertible {
    public var description: String {
        if let name = self.name {
            "\(self.rawValue) (\(name))"
        } else {
            "\(self.rawValue)"
        }
    }

    private var name: String? {
        switch self {
        case .normalClosure: "normal closure"
        case .goingAway: "going away"
        case .protocolError: "protocol error"
        case .unsupportedData: "unsupported data"
        // Its meaning was never defined (RFC 6455 section 7.4.1).
        case 1004: "reserved"
        case .noStatusReceived: "no status received"
        case .abnormalClosure: "abnormal closure"
        case .invalidFramePayloadData: "invalid frame payload data"
        case .policyViolation: "policy violation"
        case .messageTooBig: "message too big"
        case .mandatoryExtension: "mandatory extension"
        case .internalError: "internal error"
        case .serviceRestart: "service restart"
        case .tryAgainLater: "try again later"
        case .badGateway: "bad gateway"
        case .tlsHandshakeFailure: "TLS handshake failure"
        default: nil
        }
    }
}

extension WebSocketCloseCode: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: UInt16) {
        self.init(rawValue: value)
    }
}
