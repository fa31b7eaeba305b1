/// Knows how to prove to the service who we are. It alone holds credentials.
public protocol AuthHandler: Handler {
    /// What to send to authenticate.
    ///
    /// - Parameter now: the wall clock, as seconds since 1970.
    /// - Throws: for example when there are no credentials.
    mutating func authenticationRequest(now: Double) throws -> OutgoingMessage

    /// A message came: says whether it answers the request.
    mutating func handleResponse(_ message: JSONValue, now: Double) throws -> AuthResponse

    /// Whether to authenticate (again) now. By default never, unless the user asks for it.
    func needsAuthentication(now: Double) -> Bool

    /// When to authenticate again, as seconds since 1970; nil if not. Default: nil.
    var refreshTime: Double? { get }
}

extension AuthHandler {
    public func needsAuthentication(now: Double) -> Bool { false }
    public var refreshTime: Double? { nil }
}

/// What a message means for authentication.
public enum AuthResponse: Sendable, Hashable {
    /// Nothing.
    case unrelated
    /// The service knows us now.
    case authenticated
    /// The service does not accept us.
    case refused(reason: String)
}
