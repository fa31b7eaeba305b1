import WebSocketCore
package import WebSocketNova

extension ExchangeAdapter: AuthHandler {
    /// By the refresh token while it is good for something, else by signature.
    package mutating func authenticationRequest(now: Double) throws -> OutgoingMessage {
        guard let account = self.account else {
            throw WebSocketError(.missingCredentials, "the adapter has no account")
        }
        let id = self.nextIdentifier("auth")
        self.pendingAuthentication = id
        let parameters = self.renewal(now) ?? Self.signature(account, nonce: id, now)
        return .json(JSONRPC.request(id: .string(id), method: "public/auth", parameters: parameters))
    }

    private func renewal(_ now: Double) -> JSONValue? {
        guard let tokens = self.tokens, now < tokens.expiry, let refresh = tokens.refresh else { return nil }
        return ["grant_type": "refresh_token", "refresh_token": .string(refresh)]
    }

    private static func signature(_ account: Account, nonce: String, _ now: Double) -> JSONValue {
        let timestamp = Int64(now * 1_000)
        // Two connections of one account make the same names; the time in microseconds tells them apart.
        let nonce = "\(nonce)-\(Int64(now * 1_000_000))"
        let signature = ExchangeSession.signature(secret: account.secret, timestamp: timestamp, nonce: nonce)
        return [
            "grant_type": "client_signature", "client_id": .string(account.client), "timestamp": .integer(timestamp),
            "nonce": .string(nonce), "signature": .string(signature),
        ]
    }

    /// What answers the request; and any answer that says that the authentication has ended before its time.
    ///
    /// A refused refresh token is followed by a signature; a refused signature by nothing.
    package mutating func handleResponse(_ message: JSONValue, now: Double) -> AuthResponse {
        guard let id = self.pendingAuthentication, message["id"]?.string == id else {
            if message["error"]?["code"] == 13009 { self.tokens?.renewal = now }
            return .unrelated
        }
        self.pendingAuthentication = nil
        guard let refresh = message["result"]?["refresh_token"]?.string,
            let lifetime = message["result"]?["expires_in"]?.number
        else {
            let wasRefresh = self.tokens?.refresh != nil
            self.tokens = wasRefresh ? Tokens(refresh: nil, expiry: now, renewal: now) : nil
            let reason = message["error"]?["data"]?["reason"]?.string ?? message["error"]?["message"]?.string
            return .refused(reason: reason ?? "no reason given")
        }
        let margin = min(60, lifetime / 2)
        self.tokens = Tokens(refresh: refresh, expiry: now + lifetime, renewal: now + lifetime - margin)
        return .authenticated
    }

    package func needsAuthentication(now: Double) -> Bool {
        self.tokens.map { $0.renewal <= now } ?? false
    }

    package var refreshTime: Double? { self.tokens?.renewal }
}
