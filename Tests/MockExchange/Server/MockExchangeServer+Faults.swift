package import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

// What goes wrong. Each function returns when the server has done it.
extension MockExchangeServer {
    /// The process dies: every connection is reset, nobody listens.
    package func kill() async throws {
        try await self.state.perform { loop in
            loop.closeListener()
            loop.resetConnections()
        }
    }

    /// The server is there again on its port, without the connections from before.
    package func restart() async throws {
        let port = self.port
        try await self.state.perform { loop in
            loop.resetConnections()
            try loop.openListener(port)
        }
    }

    /// Nobody listens; the connections stay.
    package func refuseConnections() async throws {
        try await self.state.perform { $0.closeListener() }
    }

    /// Listens again after ``refuseConnections()``.
    package func acceptConnections() async throws {
        let port = self.port
        try await self.state.perform { try $0.openListener(port) }
    }

    /// Answers the next upgrades with a status other than 101.
    ///
    /// - Parameters:
    ///   - headers: lines, without their ends.
    ///   - times: how many upgrades; nil for all, up to ``acceptUpgrades()``.
    package func refuse(
        status: Int,
        headers: [String] = [],
        body: String = "",
        times: Int? = 1
    ) async throws {
        let answer = UpgradeRefusal(status: status, headers: headers, body: body)
        try await self.state.perform { $0.refuse(answer, times: times) }
    }

    /// Refuses no upgrade any longer.
    package func acceptUpgrades() async throws {
        try await self.state.perform { $0.refuse(nil, times: nil) }
    }

    /// Closes with a Close frame, and resets a connection whose client does not answer it within five seconds.
    ///
    /// - Parameter session: whose connection; nil for all.
    package func close(code: WebSocketCloseCode, reason: String = "", session: Int? = nil) async throws {
        try await self.state.perform { loop in
            loop.withConnections(session) { $0.close(code, reason, $1) }
        }
    }

    /// Ends connections without a Close frame, in order or by a reset.
    package func drop(session: Int? = nil, resetting: Bool = true) async throws {
        try await self.state.perform { loop in
            loop.withConnections(session) { connection, _ in connection.drop(.dropped, resetting: resetting) }
        }
    }

    /// Sends about half of the frame of a notification, and ends the connections in order or by a reset.
    package func dropMidFrame(session: Int? = nil, resetting: Bool = true) async throws {
        let parameters: JSONValue = [
            "channel": "trades.cut", "data": ["seq": 0, "text": "never to be seen as a whole"],
        ]
        let text = JSONRPC.text(JSONRPC.notification(method: "subscription", parameters: parameters))
        try await self.state.perform { loop in
            loop.withConnections(session) { connection, _ in connection.sendHalf(text, resetting: resetting) }
        }
    }

    /// Ends all authentications; private requests are refused until the client authenticates again.
    package func expireAuthentication(revokingRefreshTokens: Bool = false) {
        self.ledger.expireAuthentication(revokingRefreshTokens: revokingRefreshTokens)
    }

    /// Reads nothing and sends nothing, while the connections stay; clients that come are not answered.
    package func freeze() async throws {
        try await self.state.perform { $0.freeze(true) }
    }

    /// Goes on after ``freeze()`` with what has piled up.
    package func thaw() async throws {
        try await self.state.perform { $0.freeze(false) }
    }
}
