public import WebSocketCore

extension ConnectionOptions {
    /// Takes the options out of a table of names and values, such as a configuration file gives.
    ///
    /// Names other than those of ``Key`` are passed over: what a file says of credentials or subscriptions does not get
    /// here. A value that is wrong is refused.
    ///
    /// - Throws: `invalid_configuration` that names the option and the value.
    public init(_ table: [String: JSONValue]) throws(WebSocketError) {
        self.init()
        for key in Key.allCases {
            guard let value = table[key.rawValue], value != .null else { continue }
            try self.set(key, value)
        }
    }

    private mutating func set(_ key: Key, _ value: JSONValue) throws(WebSocketError) {
        switch key {
        case .host: self.host = try Self.text(key, value)
        case .path: self.path = try Self.text(key, value)
        case .rateLimiter: self.rateLimiter = try Self.text(key, value)
        case .transport: self.transport = try Self.choice(key, value)
        case .backoff: self.backoff = try Self.choice(key, value)
        case .webSocketOptions: self.webSocketOptions = try Self.webSocketOptions(value)
        case .transportOptions: self.transportOptions = try Self.transportOptions(value)
        case .port: self.port = try Self.port(value)
        case .retry: self.retry = try Self.retry(value)
        case .baseBackoff: self.baseBackoff = try Self.milliseconds(key, value)
        case .protocols: self.protocols = try Self.protocols(value)
        case .headers: self.setHeaders(try Self.headers(value))
        case .listener: throw Self.refusal(key, value, "a listener is given in code")
        }
    }

    private static func refusal(_ key: Key, _ value: JSONValue, _ rule: String) -> WebSocketError {
        // Tables may hold secrets, by mistake or not.
        let shown = value.object == nil && value.array == nil ? " is \(value)" : ""
        return WebSocketError(.invalidConfiguration, "option \"\(key.rawValue)\"\(shown): \(rule)")
    }

    private static func text(_ key: Key, _ value: JSONValue) throws(WebSocketError) -> String {
        guard let text = value.string, !text.isEmpty else { throw self.refusal(key, value, "it must be a text") }
        return text
    }

    private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: Key,
        _ value: JSONValue
    ) throws(WebSocketError) -> Choice {
        if let choice = value.string.flatMap(Choice.init(rawValue:)) { return choice }
        let choices = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        throw self.refusal(key, value, "it must be one of \(choices)")
    }

    private static func table(_ key: Key, _ value: JSONValue) throws(WebSocketError) -> [String: JSONValue] {
        guard let table = value.object else { throw self.refusal(key, value, "it must be a table") }
        return table
    }

    private static func webSocketOptions(_ value: JSONValue) throws(WebSocketError) -> WebSocketOptions {
        var options = WebSocketOptions()
        for (name, setting) in try self.table(.webSocketOptions, value) {
            switch (name, setting) {
            case ("compress", .bool(let compresses)):
                options.compresses = compresses
            case ("subprotocols", .array(let names)) where names.allSatisfy { $0.string != nil }:
                options.subprotocols = names.compactMap(\.string)
            default:
                throw self.refusal(.webSocketOptions, value, "\"\(name)\" is unknown or has a wrong value")
            }
        }
        return options
    }

    private static func transportOptions(_ value: JSONValue) throws(WebSocketError) -> TransportOptions {
        var options = TransportOptions()
        for (name, setting) in try self.table(.transportOptions, value) {
            switch (name, setting) {
            case ("timeout", _):
                options.timeout = try self.milliseconds(.transportOptions, setting)
            case ("verify", .bool(let verifies)):
                options.verifiesPeer = verifies
            default:
                throw self.refusal(.transportOptions, value, "\"\(name)\" is unknown or has a wrong value")
            }
        }
        return options
    }

    private static func port(_ value: JSONValue) throws(WebSocketError) -> UInt16 {
        guard let port = value.integer.flatMap(UInt16.init(exactly:)), port > 0 else {
            throw self.refusal(.port, value, "it must be from 1 to 65535")
        }
        return port
    }

    private static func retry(_ value: JSONValue) throws(WebSocketError) -> Retry {
        if value.string == "infinity" { return .unlimited }
        guard let limit = value.integer.flatMap(Int.init(exactly:)), limit >= 0 else {
            throw self.refusal(.retry, value, "it must be a whole number from 0, or \"infinity\"")
        }
        return .limit(limit)
    }

    private static func milliseconds(_ key: Key, _ value: JSONValue) throws(WebSocketError) -> Duration {
        // A year, as for all times of the configuration.
        guard let milliseconds = value.integer, (1...365 * 86_400_000).contains(milliseconds) else {
            throw self.refusal(key, value, "it must be a whole number of milliseconds from 1 to a year")
        }
        return .milliseconds(milliseconds)
    }

    private static func protocols(_ value: JSONValue) throws(WebSocketError) -> [String] {
        guard let names = value.array?.map(\.string), !names.isEmpty, !names.contains(nil) else {
            throw self.refusal(.protocols, value, "it must be a list of names")
        }
        let known = names.compactMap { $0 == "http" ? "http/1.1" : $0 }
        guard known == ["http/1.1"] else {
            throw self.refusal(.protocols, value, "the transport speaks HTTP/1.1 only")
        }
        return known
    }

    /// All fields, also those that carry credentials, which the options do not keep.
    static func headers(_ value: JSONValue) throws(WebSocketError) -> HTTPFields {
        var headers = HTTPFields()
        guard value != .null else { return headers }
        for (name, value) in try Self.table(.headers, value).sorted(by: { $0.key < $1.key }) {
            guard let text = value.string else {
                throw Self.refusal(.headers, .object([:]), "the value of \"\(name)\" must be a text")
            }
            headers.append(name: name, value: text)
        }
        return headers
    }
}
