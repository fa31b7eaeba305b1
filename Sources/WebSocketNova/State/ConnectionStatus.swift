public import WebSocketCore

/// How far a connection has come.
///
/// Which status may follow which is the business of ``ConnectionStateMachine``.
public enum ConnectionStatus: String, Sendable, Hashable, CaseIterable, Codable {
    /// Made, and not begun.
    case initialized
    /// The transport is being opened: look-up, TCP, proxy, TLS.
    case connecting
    /// The transport is up and the upgrade request on its way.
    case connected
    /// The upgrade was accepted: messages flow.
    case websocketConnected = "websocket_connected"
    /// The transport is gone.
    case disconnected
    /// The transport is gone, and a timer runs until the next attempt.
    case reconnecting
    /// Given up, for good.
    case error
    /// Closed by this side, for good.
    case closed
}

extension ConnectionStatus {
    /// The statuses that may follow this one. ``error`` may follow every one, also itself.
    ///
    /// ```
    ///  initialized ──▶ connecting ──▶ connected ──▶ websocketConnected
    ///                   ▲  ▲   │          │                 │
    ///                   │  │   ▼          ▼                 ▼
    ///                   │  └─ disconnected ◀────────────────┘
    ///                   │        │   ▲
    ///                   │        ▼   │
    ///                   └─── reconnecting            (every status) ──▶ error
    /// ```
    public var successors: Set<ConnectionStatus> {
        switch self {
        case .initialized: [.connecting, .error]
        case .connecting: [.connected, .disconnected, .error]
        case .connected: [.websocketConnected, .disconnected, .error]
        case .websocketConnected: [.disconnected, .error]
        case .disconnected: [.reconnecting, .connecting, .error]
        case .reconnecting: [.connecting, .disconnected, .error]
        case .error, .closed: [.error]
        }
    }

    /// Whether nothing follows any more.
    public var isTerminal: Bool { self == .error || self == .closed }
}

extension ConnectionState {
    /// Goes over to another status, if the table of ``ConnectionStatus/successors`` has it.
    ///
    /// - Parameter reason: recorded as the last error by the transitions to `disconnected` and `error`.
    /// - Throws: `invalid_transition`; the state is unchanged then.
    public mutating func transition(
        to target: ConnectionStatus,
        reason: (any Error)? = nil
    ) throws(WebSocketError) {
        guard self.status.successors.contains(target) else {
            throw WebSocketError(.invalidTransition, "from \(self.status.rawValue) to \(target.rawValue)")
        }
        self.status = target
        if let reason, target == .disconnected || target == .error { self.recordError(reason) }
    }
}
