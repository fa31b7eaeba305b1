/// Whether connections go through an HTTP proxy.
///
/// With a proxy, `ws` and `wss` alike ask it for a tunnel with CONNECT (RFC 9110 section 9.3.6, RFC 6455 section 4.1) and then
/// speak with the server as if there were none: TLS is with the server, and the proxy sees its name and port and, of a `wss`
/// connection, nothing else. The server's name goes to the proxy as it is; only the proxy's own is looked up here.
///
/// ```swift
/// configuration.proxy = .http(host: "proxy.example.com", port: 3128, credentials: .init(user: "me", password: secret))
/// configuration.proxy = .url("http://me:secret@proxy.example.com:3128")
/// configuration.proxy = .environment
/// ```
///
/// Proxies that are spoken to with SOCKS or TLS cannot be used (libwebsockets 4.1.6 as Debian builds it has neither), and
/// are refused with `invalid_configuration` before anything is sent. Many proxies allow CONNECT to port 443 only.
///
/// No description of this type shows credentials.
public struct ProxyConfiguration: Sendable, Hashable {
    /// A user and a password for basic authentication (RFC 7617).
    ///
    /// They go to the proxy in the clear, without being asked for: whoever listens between here and the proxy has them.
    public struct Credentials: Sendable, Hashable {
        /// Without a colon or a control character.
        public var user: String
        /// Without a control character; may be empty.
        public var password: String

        /// Makes credentials.
        public init(user: String, password: String) {
            self.user = user
            self.password = password
        }
    }

    enum Storage: Sendable, Hashable {
        case none
        case environment
        case http(host: String, port: Int, credentials: Credentials?)
        case url(String)
    }

    var storage: Storage

    /// No proxy. The default: a variable in the environment must not silently lead a service's traffic elsewhere.
    public static let none = ProxyConfiguration(storage: .none)

    /// What the environment says, read anew for each connection and understood as curl does:
    ///
    /// - `http_proxy` is for `ws`, `https_proxy` or `HTTPS_PROXY` for `wss`, `all_proxy` or `ALL_PROXY` for both where those are
    ///   unset or empty. `ws_proxy`, `WS_PROXY`, `wss_proxy` and `WSS_PROXY` come before them. `HTTP_PROXY` in upper case is
    ///   not looked at: a CGI server sets it from a request's header `Proxy`, that is, from anyone.
    /// - `no_proxy` or `NO_PROXY` lists the hosts that are connected to directly; `*` alone stands for all. A name stands for
    ///   itself and everything below it, with or without a leading dot: `example.com` exempts `www.example.com` and not
    ///   `badexample.com`. An address stands for itself, or with a prefix length (`10.0.0.0/8`, `fd00::/8`) for a network.
    ///   An IPv6 address may stand in brackets, and a port behind an entry restricts it to that port. Entries are separated
    ///   by commas or spaces.
    ///
    /// A value that cannot be used, SOCKS for example, fails the connection with `invalid_configuration`: it is not ignored,
    /// for whoever set it relies on it.
    ///
    /// The variables are read for each connection. Like all that reads the environment, that must not happen while another
    /// thread changes it (setenv(3)).
    public static let environment = ProxyConfiguration(storage: .environment)

    /// One HTTP proxy for every connection.
    ///
    /// - Parameters:
    ///   - host: a name, or an address, an IPv6 one with or without brackets.
    ///   - port: 1...65535; 3128 and 8080 are common.
    ///   - credentials: for a proxy that demands basic authentication. Default: none.
    public static func http(host: String, port: Int, credentials: Credentials? = nil) -> ProxyConfiguration {
        ProxyConfiguration(storage: .http(host: host, port: port, credentials: credentials))
    }

    /// One HTTP proxy for every connection, given as a URL such as `http://user:password@host:port`.
    ///
    /// It is read as curl reads it: without a scheme it is `http`, without a port 1080, and user and password are
    /// percent-decoded. What follows the port is ignored.
    public static func url(_ url: String) -> ProxyConfiguration {
        ProxyConfiguration(storage: .url(url))
    }
}

extension ProxyConfiguration {
    /// Refuses what cannot be used, by name. The environment is judged when it is read.
    package func validate() throws(WebSocketError) {
        if self.storage != .environment { _ = try self.fixedServer() }
    }

    /// The proxy for a connection, or nil if it is to be direct.
    ///
    /// - Parameter environment: the value of a variable; nil if it is unset.
    /// - Throws: ``WebSocketError`` with `invalidConfiguration`, which names the option or variable and no secret.
    package func server(
        for url: WebSocketURL,
        environment: (String) -> String?
    ) throws(WebSocketError) -> ProxyServer? {
        // A Unix socket is on this machine, and none that a proxy could be asked for.
        if url.unixPath != nil { return nil }
        if self.storage != .environment { return try self.fixedServer() }
        return try ProxyEnvironment.server(for: url, environment: environment)
    }

    private func fixedServer() throws(WebSocketError) -> ProxyServer? {
        do {
            switch self.storage {
            case .none, .environment:
                return nil
            case .http(let host, let port, let credentials):
                return try ProxyServer(host: host, port: port, credentials: credentials)
            case .url(let text):
                return try ProxyServer(url: text)
            }
        } catch {
            throw WebSocketError(.invalidConfiguration, "proxy: \(error.description)")
        }
    }
}

extension ProxyConfiguration: CustomStringConvertible, CustomReflectable {
    /// Without credentials.
    public var description: String {
        switch self.storage {
        case .none: "none"
        case .environment: "environment"
        case .http, .url: (try? self.fixedServer())?.description ?? "invalid"
        }
    }

    /// Of `dump`: without credentials.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension ProxyConfiguration.Credentials: CustomStringConvertible, CustomReflectable {
    /// Shows neither user nor password.
    public var description: String { "***" }

    /// Of `dump`: shows neither user nor password.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
