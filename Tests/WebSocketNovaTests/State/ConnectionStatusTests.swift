import Testing
import WebSocketCore
import WebSocketNova

@Suite("Transitions of a connection's status")
struct ConnectionStatusTests {
    /// The table, written out a second time.
    private static let table: [ConnectionStatus: Set<ConnectionStatus>] = [
        .initialized: [.connecting],
        .connecting: [.connected, .disconnected],
        .connected: [.websocketConnected, .disconnected],
        .websocketConnected: [.disconnected],
        .disconnected: [.reconnecting, .connecting],
        .reconnecting: [.connecting, .disconnected],
        .error: [],
        .closed: [],
    ]

    @Test(arguments: ConnectionStatus.allCases, ConnectionStatus.allCases)
    func `F16 the allowed transitions succeed, every other fails with invalid_transition`(
        from: ConnectionStatus,
        to: ConnectionStatus
    ) {
        var state = ConnectionState(host: "example.com", port: 443)
        state.updateStatus(from)
        let isAllowed = to == .error || Self.table[from]?.contains(to) == true
        do {
            try state.transition(to: to)
            #expect(isAllowed)
            #expect(state.status == to)
        } catch {
            #expect(!isAllowed)
            #expect(error.code == .invalidTransition)
            #expect(error.message.contains(from.rawValue) && error.message.contains(to.rawValue))
            #expect(state.status == from)
        }
    }

    @Test(arguments: ConnectionStatus.allCases)
    func `F17 error follows every status`(status: ConnectionStatus) throws {
        var state = ConnectionState(host: "example.com", port: 443)
        state.updateStatus(status)
        try state.transition(to: .error)
        #expect(state.status == .error)
    }

    @Test func `F18 going to disconnected or error records the reason, other transitions do not`() throws {
        let reason = WebSocketError(.transportFailed, "reset")
        var state = ConnectionState(host: "example.com", port: 443)
        try state.transition(to: .connecting, reason: reason)
        #expect(state.lastError == nil)
        try state.transition(to: .disconnected, reason: reason)
        #expect(state.lastError as? WebSocketError == reason)
        let worse = WebSocketError(.tlsFailed, "expired")
        try state.transition(to: .error, reason: worse)
        #expect(state.lastError as? WebSocketError == worse)
        #expect(state.status.isTerminal)
    }
}
