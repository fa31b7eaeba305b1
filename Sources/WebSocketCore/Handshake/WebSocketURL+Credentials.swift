extension WebSocketURL.Credentials {
    /// Whether there is nothing but the `@`, with or without a colon.
    var isEmpty: Bool { self.user.isEmpty && self.password.isEmpty }

    /// The value of an `Authorization` field: `Basic` and `user:password` in base64, as UTF-8 (RFC 7617 sections 2 and 2.1).
    ///
    /// - Throws: ``WebSocketError/Code/invalidURL`` for what the scheme cannot carry: a colon in the user (the server would
    ///   take what follows for the password) and control characters.
    func basicAuthentication(of url: WebSocketURL) throws(WebSocketError) -> String {
        guard !self.user.utf8.contains(UInt8(ascii: ":")) else {
            throw WebSocketError(
                .invalidURL,
                "URL \(url): its user has a colon, which Basic authentication cannot carry"
            )
        }
        let text = Array("\(self.user):\(self.password)".utf8)
        guard text.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw WebSocketError(
                .invalidURL,
                "URL \(url): its user or password has a control character, which Basic authentication cannot carry"
            )
        }
        return "Basic " + Base64.encode(text)
    }
}
