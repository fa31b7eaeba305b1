import WebSocketCore
import WebSocketNova

extension ExchangeSession {
    /// For how long the connection is whose.
    struct Authentication: Sendable {
        var client: String
        var expiry: Duration
        /// It ends with the ledger's next epoch too.
        var epoch: Int
    }

    /// Whether private requests are carried out.
    package func isAuthenticated(now: Duration) -> Bool { (try? self.authorizedClient(now)) != nil }

    func authorizedClient(_ now: Duration) throws(JSONRPC.Failure) -> String {
        guard let authentication = self.authentication else { throw .unauthorized }
        guard now < authentication.expiry, authentication.epoch == self.ledger.epoch else { throw .expired }
        return authentication.client
    }

    /// A failed authentication leaves the one before as it is.
    mutating func authenticate(_ parameters: JSONValue, _ now: Duration) throws(JSONRPC.Failure) -> JSONValue {
        let client =
            switch parameters["grant_type"]?.string {
            case "client_signature": try self.clientBySignature(parameters, now)
            case "refresh_token": try self.clientByToken(parameters)
            default: throw .invalidParameters("grant_type")
            }
        let lifetime = self.ledger.rules.tokenLifetime
        self.authentication = Authentication(client: client, expiry: now + lifetime, epoch: self.ledger.epoch)
        let tokens = self.ledger.issueTokens(for: client)
        return [
            "access_token": .string(tokens.access), "refresh_token": .string(tokens.refresh),
            "expires_in": .number(lifetime.seconds), "token_type": "bearer",
        ]
    }

    private func clientByToken(_ parameters: JSONValue) throws(JSONRPC.Failure) -> String {
        guard let token = parameters["refresh_token"]?.string else { throw .invalidParameters("refresh_token") }
        guard let client = self.ledger.redeem(token) else { throw .invalidCredentials("invalid_refresh_token") }
        return client
    }

    private func clientBySignature(_ parameters: JSONValue, _ now: Duration) throws(JSONRPC.Failure) -> String {
        guard let client = parameters["client_id"]?.string else { throw .invalidParameters("client_id") }
        guard let timestamp = parameters["timestamp"]?.integer else { throw .invalidParameters("timestamp") }
        guard let signature = parameters["signature"]?.string else { throw .invalidParameters("signature") }
        let nonce = parameters["nonce"]?.string ?? ""
        let rules = self.ledger.rules
        let tolerance = rules.timestampTolerance.milliseconds
        guard (now.milliseconds - tolerance...now.milliseconds + tolerance).contains(timestamp) else {
            throw .invalidCredentials("timestamp")
        }
        let data = parameters["data"]?.string ?? ""
        guard let secret = rules.secrets[client],
            signature == Self.signature(secret: secret, timestamp: timestamp, nonce: nonce, data: data)
        else { throw .invalidCredentials("signature") }
        guard nonce.isEmpty || self.ledger.use(nonce: nonce) else { throw .invalidCredentials("nonce") }
        return client
    }

    /// What proves that a client has the secret.
    package static func signature(secret: String, timestamp: Int64, nonce: String, data: String = "") -> String {
        let signed = Array("\(timestamp)\n\(nonce)\n\(data)".utf8)
        return hexadecimalDigits(MessageAuthentication.sha256(signed, key: Array(secret.utf8)))
    }
}
