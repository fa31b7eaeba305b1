extension WebSocketError.Handshake {
    /// How long the server asks to wait before the next attempt, from its `Retry-After` field (RFC 9110 section 10.2.3); nil
    /// if it has none or one that cannot be read. Servers send it with 429, 503 and redirections.
    ///
    /// It may be a number of seconds or a date. A date is taken relative to the response's own `Date` field, so that it does
    /// not matter how this machine's clock stands; without that field it says nothing. A date that has passed is zero.
    public var retryAfter: Duration? {
        guard let text = self.headers["Retry-After"].map(HTTPGrammar.trimmed), !text.isEmpty else { return nil }
        if text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            // More than a year is beyond what anyone waits for, and what can be added up without care.
            return .seconds(min(Int(text) ?? .max, 365 * 86_400))
        }
        guard let now = self.headers["Date"].flatMap({ HTTPDate($0) }), let then = HTTPDate(text, near: now) else {
            return nil
        }
        return .seconds(min(max(0, then.secondsSince1970 - now.secondsSince1970), 365 * 86_400))
    }
}
