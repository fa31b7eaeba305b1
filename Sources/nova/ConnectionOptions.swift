import ArgumentParser
import WebSocketNova

/// What every command that connects can be told.
struct ConnectionOptions: ParsableArguments {
    @Option(
        name: [.customShort("H"), .customLong("header")],
        help: ArgumentHelp("Send a header field.", valueName: "name: value")
    )
    var headers: [Header] = []

    @Option(
        name: [.short, .customLong("subprotocol")],
        help: ArgumentHelp("Offer a subprotocol, the preferred one first.", valueName: "name")
    )
    var subprotocols: [String] = []

    @Flag(inversion: .prefixedNo, help: "Offer permessage-deflate.")
    var compress = false

    @Flag(help: "Accept any certificate: anyone in the path can read and change everything.")
    var insecure = false

    @Option(help: ArgumentHelp("Trust the authorities in a PEM file, and no others.", valueName: "file"))
    var ca: String?

    @Option(
        help: ArgumentHelp(
            "Go through an HTTP proxy, http://user:password@host:port.",
            discussion: """
                Without this option the variables http_proxy (ws), https_proxy (wss), all_proxy and no_proxy say whether, \
                as for curl.
                """,
            valueName: "url"
        )
    )
    var proxy: String?

    @Flag(help: "Go through no proxy, whatever the environment says.")
    var noProxy = false

    @Option(help: ArgumentHelp("How long opening, and closing, may take.", valueName: "seconds"))
    var timeout = 10.0

    @Option(help: ArgumentHelp("How long opening may take, if not as long as --timeout.", valueName: "seconds"))
    var openTimeout: Double?

    @Option(help: ArgumentHelp("After how much silence to ping the server; 0 for never.", valueName: "seconds"))
    var pingInterval = 20.0

    @Option(help: ArgumentHelp("How long the server may take to answer such a ping.", valueName: "seconds"))
    var pingTimeout = 20.0

    @Option(help: ArgumentHelp("How long the server may send no message. (default: for ever)", valueName: "seconds"))
    var idleTimeout: Double?

    func validate() throws {
        let times: [(name: String, value: Double?)] = [
            ("--timeout", self.timeout), ("--open-timeout", self.openTimeout), ("--ping-timeout", self.pingTimeout),
            ("--idle-timeout", self.idleTimeout),
        ]
        for (name, value) in times {
            guard (0.001...86_400).contains(value ?? 1) else {
                throw ValidationError("\(name) \(value ?? 1) is not from 0.001 to 86400 seconds")
            }
        }
        guard self.pingInterval == 0 || (0.02...86_400).contains(self.pingInterval) else {
            throw ValidationError("--ping-interval \(self.pingInterval) is neither 0 nor from 0.02 to 86400 seconds")
        }
        if self.proxy != nil, self.noProxy { throw ValidationError("--proxy and --no-proxy exclude each other") }
    }

    /// The library's configuration that says the same.
    func configuration() -> WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        for header in self.headers { configuration.headers.append(name: header.name, value: header.value) }
        configuration.subprotocols = self.subprotocols
        configuration.compression = self.compress ? .defaults : nil
        configuration.deadlines.open = .seconds(self.openTimeout ?? self.timeout)
        configuration.deadlines.close = .seconds(self.timeout)
        configuration.deadlines.idle = self.idleTimeout.map { .seconds($0) }
        if self.pingInterval > 0 {
            configuration.keepalive.interval = .seconds(self.pingInterval)
            configuration.keepalive.timeout = .seconds(self.pingTimeout)
        } else {
            configuration.keepalive = .off
        }
        // Room for what a person or a script may look at; the library's own default is for services.
        configuration.limits.messageSize = 64 << 20
        if let ca { configuration.tls.trustRoots = .file(ca) }
        if self.insecure { configuration.tls.certificateVerification = .none }
        configuration.proxy = self.noProxy ? .none : self.proxy.map { .url($0) } ?? .environment
        return configuration
    }

    /// A header field as curl takes it.
    struct Header: ExpressibleByArgument {
        var name: String
        var value: String

        init?(argument: String) {
            let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            self.name = String(parts[0])
            self.value = String(parts[1].drop { $0 == " " || $0 == "\t" })
        }
    }
}
