internal import WebSocketCore

/// Authenticates with a token, or with an API key and a signature made with its secret.
///
/// The request is a JSON object with `type` `auth`, `timestamp` (whole seconds since 1970), and either `token`, or `api_key`
/// and `signature`: the HMAC-SHA256 (RFC 2104), keyed with the secret, of the API key followed by the timestamp's digits, in
/// lower-case hexadecimal. A token that the service gave is used for as long as it is valid, then the key again.
public struct DefaultAuthHandler: AuthHandler {
    /// What proves who we are. It does not show its secrets when it is printed.
    public struct Credentials: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
        CustomReflectable
    {
        /// Names the account.
        public var apiKey: String?
        /// Signs requests.
        public var secret: String?
        /// Stands for both.
        public var token: String?

        /// An API key with its secret.
        public static func key(_ apiKey: String, secret: String) -> Credentials {
            Credentials(apiKey: apiKey, secret: secret)
        }

        /// A token.
        public static func token(_ token: String) -> Credentials { Credentials(token: token) }

        public var description: String { "credentials" }
        public var debugDescription: String { "credentials" }
        public var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// How far authentication has come.
    public enum Status: String, Sendable, Hashable, CaseIterable {
        case unauthenticated, authenticated, failed
    }

    private var credentials: Credentials?
    public private(set) var status = Status.unauthenticated
    /// When the authentication ends, as seconds since 1970.
    public private(set) var expiry: Double?
    /// How long before its end to authenticate again. Default: 60 s.
    public var refreshThreshold: Double = 60
    /// How long an authentication holds if the service does not say. Default: an hour.
    public var defaultLifetime: Double = 3600
    /// The token that the service gave, which ends with ``expiry``.
    private var session: Credentials?

    /// Makes a handler without credentials.
    public init() {}

    /// Makes a handler with credentials.
    public init(_ credentials: Credentials) {
        self.credentials = credentials
    }

    /// Makes a handler from a table: `api_key`, `secret`, `token`, `auth_refresh_threshold` in seconds.
    ///
    /// - Throws: `invalid_configuration` that names the option.
    public init(options: HandlerOptions) throws {
        func text(_ name: String) throws -> String? {
            guard let value = options[name], value != .null else { return nil }
            guard let text = value.string else {
                throw WebSocketError(.invalidConfiguration, "option \"\(name)\" must be a text")
            }
            return text
        }
        let given = Credentials(apiKey: try text("api_key"), secret: try text("secret"), token: try text("token"))
        if given != Credentials() { self.credentials = given }
        if let threshold = options["auth_refresh_threshold"] {
            guard let seconds = threshold.number, seconds >= 0, seconds.isFinite else {
                throw WebSocketError(.invalidConfiguration, "option \"auth_refresh_threshold\" is \(threshold)")
            }
            self.refreshThreshold = seconds
        }
    }

    /// - Throws: `missing_credentials`.
    public mutating func authenticationRequest(now: Double) throws -> OutgoingMessage {
        let timestamp = Int64(now)
        var request: [String: JSONValue] = ["type": "auth", "timestamp": .integer(timestamp)]
        if let token = self.validToken(now: now) {
            request["token"] = .string(token)
        } else if let key = self.credentials?.apiKey, let secret = self.credentials?.secret, !key.isEmpty,
            !secret.isEmpty
        {
            request["api_key"] = .string(key)
            let signed = Array("\(key)\(timestamp)".utf8)
            request["signature"] = .string(hexadecimal(MessageAuthentication.sha256(signed, key: Array(secret.utf8))))
        } else {
            throw WebSocketError(.missingCredentials, "neither a token nor an API key with its secret is there")
        }
        return .json(.object(request))
    }

    private func validToken(now: Double) -> String? {
        if let token = self.session?.token, let expiry, now < expiry { return token }
        guard let token = self.credentials?.token, !token.isEmpty else { return nil }
        return token
    }

    /// `auth_success` with `expires_at`, or `expires_in`, in seconds, and perhaps `token`; `auth_error` with `reason` or
    /// `message`.
    public mutating func handleResponse(_ message: JSONValue, now: Double) throws -> AuthResponse {
        switch message["type"]?.string {
        case "auth_success":
            let lifetime = message["expires_in"]?.number.map { now + $0 }
            self.expiry = message["expires_at"]?.number ?? lifetime ?? now + self.defaultLifetime
            self.session = message["token"]?.string.map { .token($0) } ?? self.session
            self.status = .authenticated
            return .authenticated
        case "auth_error":
            self.status = .failed
            self.expiry = nil
            self.session = nil
            let reason = message["reason"]?.string ?? message["message"]?.string ?? "no reason given"
            return .refused(reason: String(reason.prefix(200)))
        default:
            return .unrelated
        }
    }

    public func needsAuthentication(now: Double) -> Bool {
        switch self.status {
        case .failed: true
        case .unauthenticated: false
        case .authenticated: self.expiry.map { $0 < now + self.refreshThreshold } ?? false
        }
    }

    public var refreshTime: Double? {
        self.status == .authenticated ? self.expiry.map { $0 - self.refreshThreshold } : nil
    }
}
