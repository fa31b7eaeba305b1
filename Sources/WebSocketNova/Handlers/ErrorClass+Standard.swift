internal import WebSocketCore

extension ErrorClass {
    /// The class of a reason, for handlers that have no opinion of their own.
    ///
    /// | what happened | class |
    /// |---|---|
    /// | no connection, lost connection, 1006; time out; 1001, 1005, 1011 to 1014, 3008 | transient |
    /// | HTTP 408, 425, 429 and 5xx | transient |
    /// | other HTTP statuses, 401, 403 and 404 among them | critical |
    /// | close code 1000: the peer was done | critical |
    /// | 1002, 1003, 1007 to 1010, 3000 and 3003: the peer would close again | critical |
    /// | TLS, bad input; this side closed | critical |
    /// | a message that cannot be made or understood | normal |
    /// | any other close code | transient |
    public static func standard(for reason: DisconnectReason) -> ErrorClass {
        switch reason {
        case .local: .critical
        case .closed(let info): Self.standard(for: info.code)
        case .failed(let error): Self.standard(for: error)
        }
    }

    private static func standard(for code: WebSocketCloseCode) -> ErrorClass {
        switch code.rawValue {
        // 3000 and 3003 are "unauthorized" and "forbidden" in IANA's registry of close codes.
        case 1000, 1002, 1003, 1007...1010, 3000, 3003: .critical
        default: .transient
        }
    }

    private static func standard(for error: WebSocketError) -> ErrorClass {
        if let status = error.handshake?.status {
            return status == 408 || status == 425 || status == 429 || status >= 500 ? .transient : .critical
        }
        if let close = error.close, error.code == .connectionClosed { return self.standard(for: close.code) }
        switch error.code {
        case .invalidMessage, .invalidUTF8, .messageTooLarge, .controlFrameTooLarge: return .normal
        default: return error.isRetryable ? .transient : .critical
        }
    }
}
