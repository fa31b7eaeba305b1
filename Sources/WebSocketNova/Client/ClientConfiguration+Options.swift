public import WebSocketCore

// The thirteen options of a connection, and where each of them takes effect.
extension ClientConfiguration {
    /// Sets what a table of names and values says, such as a configuration file gives, and leaves everything else.
    ///
    /// | option | sets |
    /// |---|---|
    /// | `host`, `port`, `transport`, `path` | those parts of ``url``; without one: `wss`, its own port, `/ws` |
    /// | `ws_opts` | `subprotocols`; `compress`: whether ``WebSocketConfiguration/compression`` is offered |
    /// | `transport_opts` | `timeout`: ``WebSocketConfiguration/Deadlines-swift.struct/open``; `verify`: ``TLSConfiguration/certificateVerification`` |
    /// | `protocols` | nothing: only `http/1.1` is accepted |
    /// | `retry`, `backoff_type`, `base_backoff` | the ``DefaultErrorHandler/backoff`` of the error handler |
    /// | `headers` | those fields of ``WebSocketConfiguration/headers``, also those that carry credentials |
    /// | `rate_limiter` | `token_bucket`: a ``DefaultRateLimitHandler``, if there is no rate limiter yet; `none`: nothing is held back |
    /// | `callback` | nothing: a listener is given in code |
    ///
    /// Other names, and null, are passed over. What cannot be honoured is refused, and then nothing is set.
    ///
    /// - Throws: `invalid_configuration` that names the option.
    public mutating func apply(_ table: [String: JSONValue]) throws(WebSocketError) {
        let options = try ConnectionOptions(table)
        var mentioned = Mentioned()
        mentioned.keys = Set(ConnectionOptions.Key.allCases.filter { table[$0.rawValue] ?? .null != .null })
        for key in [ConnectionOptions.Key.webSocketOptions, .transportOptions] {
            mentioned.settings.formUnion((table[key.rawValue]?.object ?? [:]).keys)
        }
        let headers = try table["headers"].map(ConnectionOptions.headers)
        try self.set(options, mentioned, headers: headers ?? HTTPFields())
    }

    /// Sets all thirteen options. Those that are nil or empty set nothing: host, port, listener, headers, rate limiter.
    ///
    /// They take effect as in ``apply(_:)-(Dictionary)``; the listener is added to ``listeners``. With an error handler that
    /// is no ``DefaultErrorHandler``, retry, back-off and its base must be left at their defaults.
    ///
    /// - Throws: `invalid_configuration` that names the option which cannot be honoured; then nothing is set.
    public mutating func apply(_ options: ConnectionOptions) throws(WebSocketError) {
        var mentioned = Mentioned()
        mentioned.keys = Set(ConnectionOptions.Key.allCases)
        mentioned.settings = ["subprotocols", "compress", "timeout", "verify"]
        let standard = ConnectionOptions()
        if !(self.handlers.error is DefaultErrorHandler) {
            if options.retry == standard.retry { mentioned.keys.remove(.retry) }
            if options.backoff == standard.backoff { mentioned.keys.remove(.backoff) }
            if options.baseBackoff == standard.baseBackoff { mentioned.keys.remove(.baseBackoff) }
        }
        try self.set(options, mentioned, headers: options.headers)
    }

    /// What somebody set, where the rest are defaults that nobody asked for.
    private struct Mentioned {
        var keys: Set<ConnectionOptions.Key> = []
        /// The names in the tables of ``ConnectionOptions/Key/webSocketOptions`` and of the transport's.
        var settings: Set<String> = []
    }

    private mutating func set(
        _ options: ConnectionOptions,
        _ mentioned: Mentioned,
        headers: HTTPFields
    ) throws(WebSocketError) {
        var changed = self
        try changed.setTarget(options, mentioned.keys)
        try changed.setOffer(options, mentioned)
        try changed.setPolicy(options, mentioned.keys)
        try changed.setRateLimiter(options.rateLimiter)
        for field in headers { changed.webSocket.headers[field.name] = nil }
        for field in headers { changed.webSocket.headers.append(name: field.name, value: field.value) }
        if let listener = options.listener, !changed.listeners.contains(listener) { changed.listeners.append(listener) }
        self = changed
    }

    private static func refusal(_ keys: [ConnectionOptions.Key], _ why: String) -> WebSocketError {
        let names = keys.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        return WebSocketError(.invalidConfiguration, "option \(names): \(why)")
    }

    private mutating func setTarget(
        _ options: ConnectionOptions,
        _ keys: Set<ConnectionOptions.Key>
    ) throws(WebSocketError) {
        var given: [ConnectionOptions.Key] = []
        if options.host != nil { given.append(.host) }
        if options.port != nil { given.append(.port) }
        given += [.transport, .path].filter { keys.contains($0) }
        guard !given.isEmpty else { return }
        do {
            self.url = try WebSocketURL.text(
                self.url.isEmpty ? nil : WebSocketURL(self.url),
                host: options.host,
                port: options.port,
                target: keys.contains(.path) ? options.path : nil,
                isSecure: keys.contains(.transport) ? options.transport == .tls : nil
            )
        } catch {
            throw Self.refusal(given, error.message)
        }
    }

    private mutating func setOffer(_ options: ConnectionOptions, _ mentioned: Mentioned) throws(WebSocketError) {
        // Options that were made in code were not looked at when they were.
        guard options.protocols == ["http/1.1"] else {
            throw Self.refusal([.protocols], "the transport speaks HTTP/1.1 only")
        }
        if mentioned.settings.contains("subprotocols") {
            self.webSocket.subprotocols = options.webSocketOptions.subprotocols
        }
        if mentioned.settings.contains("compress") {
            let present = self.webSocket.compression ?? CompressionConfiguration()
            self.webSocket.compression = options.webSocketOptions.compresses ? present : nil
        }
        if mentioned.settings.contains("timeout") {
            do {
                try WebSocketConfiguration.check("timeout", options.transportOptions.timeout)
            } catch {
                throw Self.refusal([.transportOptions], error.message)
            }
            self.webSocket.deadlines.open = options.transportOptions.timeout
        }
        if mentioned.settings.contains("verify") {
            self.webSocket.tls.certificateVerification = options.transportOptions.verifiesPeer ? .full : .none
        }
    }

    private mutating func setPolicy(
        _ options: ConnectionOptions,
        _ keys: Set<ConnectionOptions.Key>
    ) throws(WebSocketError) {
        let given = [ConnectionOptions.Key.retry, .backoff, .baseBackoff].filter { keys.contains($0) }
        guard !given.isEmpty else { return }
        guard var handler = self.handlers.error as? DefaultErrorHandler else {
            throw Self.refusal(given, "the error handler that is installed has delays and limits of its own")
        }
        if keys.contains(.retry) {
            if case .limit(let limit) = options.retry, limit < 0 {
                throw Self.refusal([.retry], "it is \(limit); it must not be negative")
            }
            handler.backoff.limit = options.retry
            // A limit of the connection handler's own would come first.
            if var connection = self.handlers.connection as? DefaultConnectionHandler {
                connection.maximumReconnectAttempts = nil
                self.handlers.connection = connection
            }
        }
        if keys.contains(.backoff) { handler.backoff.growth = Backoff.Growth(options.backoff) }
        if keys.contains(.baseBackoff) {
            do {
                try WebSocketConfiguration.check("it", options.baseBackoff)
            } catch {
                throw Self.refusal([.baseBackoff], error.message)
            }
            handler.backoff.base = options.baseBackoff
            handler.backoff.maximum = max(handler.backoff.maximum, options.baseBackoff)
        }
        self.handlers.error = handler
    }

    private mutating func setRateLimiter(_ name: String?) throws(WebSocketError) {
        switch name {
        case nil: break
        case "token_bucket": self.handlers.rateLimit = self.handlers.rateLimit ?? DefaultRateLimitHandler()
        case "none": self.handlers.rateLimit = nil
        case let name?:
            throw Self.refusal(
                [.rateLimiter],
                "it is \"\(name.prefix(64))\"; it must be one of token_bucket, none, and others are installed in code"
            )
        }
    }

    /// The options that say the same as this configuration: what ``ConnectionState`` begins with.
    ///
    /// Host, port, transport and path are those of ``url``; for a Unix socket, host and port are what the upgrade request
    /// says, `localhost` and the scheme's own port. Where the error handler is no ``DefaultErrorHandler``, retry, back-off
    /// and its base are the options' defaults. The listener is the first of ``listeners``.
    ///
    /// - Throws: `invalid_url`.
    public func connectionOptions() throws(WebSocketError) -> ConnectionOptions {
        let url = try WebSocketURL(self.url)
        var options = ConnectionOptions()
        options.host = url.host
        options.port = url.port
        options.transport = url.isSecure ? .tls : .tcp
        options.path = url.target
        options.webSocketOptions.subprotocols = self.webSocket.subprotocols
        options.webSocketOptions.compresses = self.webSocket.compression != nil
        options.transportOptions.timeout = self.webSocket.deadlines.open
        options.transportOptions.verifiesPeer = self.webSocket.tls.certificateVerification == .full
        if let handler = self.handlers.error as? DefaultErrorHandler {
            options.retry = handler.backoff.limit
            options.backoff = ConnectionOptions.Backoff(handler.backoff.growth)
            options.baseBackoff = handler.backoff.base
        }
        options.listener = self.listeners.first
        options.setHeaders(self.webSocket.headers)
        if self.handlers.rateLimit is DefaultRateLimitHandler { options.rateLimiter = "token_bucket" }
        return options
    }
}

extension Backoff.Growth {
    init(_ option: ConnectionOptions.Backoff) {
        self =
            switch option {
            case .linear: .linear
            case .exponential: .exponential
            case .jittered: .jittered
            case .fullJitter: .fullJitter
            }
    }
}

extension ConnectionOptions.Backoff {
    init(_ growth: Backoff.Growth) {
        self =
            switch growth {
            case .linear: .linear
            case .exponential: .exponential
            case .jittered: .jittered
            case .fullJitter: .fullJitter
            }
    }
}
