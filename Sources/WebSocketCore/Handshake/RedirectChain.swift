/// The way that redirections lead from the URL that the user gave: what is requested where, and what may not go along.
///
/// A pure value: it is told each answer that redirects, and says what to request next.
package struct RedirectChain: Sendable {
    /// What carries credentials, and is meant for the origin that the user named (RFC 9110 section 15.4).
    private static let credentialHeaders = ["Authorization", "Cookie", "Proxy-Authorization"]

    /// What to request now.
    package private(set) var url: WebSocketURL
    /// The user's headers that go to where the way has come.
    package private(set) var headers: HTTPFields
    /// The user's cookies that do.
    package private(set) var cookies: [WebSocketCookie]

    /// Whether the way has led to another origin, where nothing that was meant for the first may go.
    package private(set) var hasLeftOrigin = false

    private let limit: Int
    private var visited: [WebSocketURL]

    /// - Parameter limit: how many redirections are followed; 0 for none.
    package init(url: WebSocketURL, headers: HTTPFields = HTTPFields(), cookies: [WebSocketCookie] = [], limit: Int) {
        self.url = url
        self.headers = headers
        self.cookies = cookies
        self.limit = limit
        self.visited = [url.withoutCredentials]
    }

    /// How many redirections have been followed.
    package var count: Int { self.visited.count - 1 }

    /// Every URL requested, in order, without credentials and queries.
    package var way: String {
        self.visited.map { HTTPGrammar.printable($0.description, limit: 256) }.joined(separator: " -> ")
    }

    /// Whether an answer asks for another request elsewhere, and says where.
    ///
    /// The method never changes on the way, as an upgrade is always a GET; so the five statuses mean the same.
    package static func isRedirection(status: Int, headers: HTTPFields) -> Bool {
        [301, 302, 303, 307, 308].contains(status) && headers.contains("Location")
    }

    /// The answer to the request was a redirection: the way goes on, or ends here.
    ///
    /// - Throws: ``WebSocketError/Code/redirectFailed`` with the answer: where it leads must not or cannot be followed.
    package mutating func redirected(by answer: WebSocketError.Handshake) throws(WebSocketError) {
        let next = try self.target(of: answer)
        if self.url.isSecure, !next.isSecure {
            // Anyone on the path could read what the user had asked to be kept secret.
            throw self.failure("it leads from wss to \(next)", answer)
        }
        guard self.count < self.limit else {
            throw self.failure("it leads to \(next), and \(self.limit) redirections have been followed", answer)
        }
        guard !self.visited.contains(next.withoutCredentials) else {
            throw self.failure("it leads back to \(next)", answer)
        }
        if !next.isSameOrigin(as: self.url) {
            // They do not come back where the way returns to the first origin: what lies between has chosen the request.
            self.hasLeftOrigin = true
            for name in Self.credentialHeaders { self.headers[name] = nil }
            self.cookies = []
        }
        self.url = next
        self.visited.append(next.withoutCredentials)
    }

    private func target(of answer: WebSocketError.Handshake) throws(WebSocketError) -> WebSocketURL {
        let locations = answer.headers[values: "Location"]
        guard let location = locations.first, locations.count == 1 else {
            throw self.failure("it has \(locations.count) Location fields", answer)
        }
        do {
            return try self.url.resolving(location)
        } catch {
            throw self.failure(error.message, answer)
        }
    }

    private func failure(_ words: String, _ answer: WebSocketError.Handshake) -> WebSocketError {
        WebSocketError(
            .redirectFailed,
            "the redirection is not followed: \(HTTPGrammar.printable(words, limit: 512)) (the way: \(self.way))",
            handshake: answer
        )
    }
}

extension WebSocketURL {
    fileprivate var withoutCredentials: WebSocketURL {
        var url = self
        url.credentials = nil
        return url
    }
}
