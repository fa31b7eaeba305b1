internal import WebSocketCore

/// Whether a server may send the upgrade elsewhere (status 301, 302, 303, 307 or 308 with a `Location`).
///
/// The default is not to follow: a URL says where a service connects to, and an answer from there should not change it
/// unnoticed. A redirection then is a refusal like any other, `upgrade_refused`, with status and `Location` in
/// ``WebSocketCore/WebSocketError/handshake``.
///
/// Where redirections are followed:
/// - A `Location` is resolved as RFC 3986 section 5 says; `http` stands for `ws` and `https` for `wss`.
/// - The way never leads from `wss` to `ws`: that would show to anyone on the path what was to be kept secret.
/// - From one origin (scheme, host, port) to another, the user's headers `Authorization`, `Cookie` and
///   `Proxy-Authorization`, ``WebSocketConfiguration/cookies``, the URL's user and password, and of the TLS configuration the
///   client's certificate and the server's name stay behind, for good. All other headers and the subprotocols go along: if
///   one of them carries a secret, do not follow. Trusted roots and pins hold for every step.
/// - The open deadline holds for the whole way. Each step resolves, connects and does TLS anew.
/// - A circle, a way that is too long and a `Location` that cannot be followed end with `redirect_failed`, which lists the
///   way. ``WebSocket/url`` says where it ended.
public struct RedirectPolicy: Sendable, Hashable {
    /// How many redirections are followed; nil for none.
    let limit: Int?

    /// A redirection is a refusal.
    public static let none = RedirectPolicy(limit: nil)

    /// Redirections are followed.
    ///
    /// - Parameter limit: how many at most, from 1 to 50. Default: 10. It defends against a way without end.
    public static func follow(limit: Int = 10) -> RedirectPolicy { RedirectPolicy(limit: limit) }

    func validate() throws(WebSocketError) {
        guard let limit, !(1...50).contains(limit) else { return }
        throw WebSocketError(.invalidConfiguration, "redirects has the limit \(limit); it must be from 1 to 50")
    }
}

extension RedirectPolicy: CustomStringConvertible {
    public var description: String { self.limit.map { "follow(limit: \($0))" } ?? "none" }
}
