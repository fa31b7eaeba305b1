public import WebSocketCore

extension EchoServer {
    /// What an ``EchoServer`` does beyond echoing.
    public struct Configuration: Sendable {
        /// Whether the server speaks TLS, with a certificate made when it starts. Default: false.
        ///
        /// ``EchoServer/certificatePEM`` is the authority that a client has to trust.
        public var isTLS: Bool
        /// How the server does TLS, if ``isTLS`` is set. Default: a certificate for this machine, any version from 1.2 on.
        public var tls = TLS()
        /// Whether to listen on `::1` in place of `127.0.0.1`. Default: false.
        public var isIPv6: Bool
        /// The port to listen on. Default: 0, any free one, which ``EchoServer/port`` then tells.
        public var port: UInt16
        /// How to answer offers of permessage-deflate; nil, the default, to decline them.
        public var permessageDeflate: PermessageDeflate?
        /// The subprotocols that the server knows. It selects the first one *offered* that is among them; an upgrade that
        /// offers only others is refused with status 400. Default: none.
        public var subprotocols: [String]
        /// Paths that refuse the upgrade, and with what. Default: none.
        public var refusals: [String: Refusal]
        /// The largest message, in bytes after inflation, that is echoed; a larger one is answered with close code 1009.
        /// Default: 64 MiB.
        public var maximumMessageSize: Int

        /// Makes a configuration.
        public init(
            isTLS: Bool = false,
            isIPv6: Bool = false,
            port: UInt16 = 0,
            permessageDeflate: PermessageDeflate? = nil,
            subprotocols: [String] = [],
            refusals: [String: Refusal] = [:],
            maximumMessageSize: Int = 64 << 20
        ) {
            self.isTLS = isTLS
            self.isIPv6 = isIPv6
            self.port = port
            self.permessageDeflate = permessageDeflate
            self.subprotocols = subprotocols
            self.refusals = refusals
            self.maximumMessageSize = maximumMessageSize
        }
    }

    /// An HTTP response in place of the upgrade.
    public struct Refusal: Sendable, Hashable {
        /// The status code.
        public var status: Int
        /// The body.
        public var body: String
        /// Fields beside Content-Length, Content-Type and Connection, which the server writes.
        public var headers: HTTPFields

        /// Makes a refusal.
        public init(status: Int, body: String = "", headers: HTTPFields = HTTPFields()) {
            self.status = status
            self.body = body
            self.headers = headers
        }
    }

    /// Which parameters of permessage-deflate (RFC 7692 section 7.1) the server asks for, beside those that the client's
    /// offer demands of it.
    public struct PermessageDeflate: Sendable, Hashable {
        /// Forget the window between messages to the client. Default: false.
        public var serverNoContextTakeover: Bool
        /// Demand that the client forgets its window between messages. Default: false.
        public var clientNoContextTakeover: Bool
        /// The window for messages to the client, 9 to 15 bits. Default: 15.
        public var serverMaxWindowBits: Int
        /// The window that is demanded of the client, 8 to 15 bits; only asked of clients that offered the parameter, an
        /// offer without it is declined. Nil, the default, demands nothing.
        public var clientMaxWindowBits: Int?
        /// Messages of fewer bytes go out uncompressed. Default: 0, all are compressed.
        public var threshold: Int

        /// Makes the parameters.
        public init(
            serverNoContextTakeover: Bool = false,
            clientNoContextTakeover: Bool = false,
            serverMaxWindowBits: Int = 15,
            clientMaxWindowBits: Int? = nil,
            threshold: Int = 0
        ) {
            self.serverNoContextTakeover = serverNoContextTakeover
            self.clientNoContextTakeover = clientNoContextTakeover
            self.serverMaxWindowBits = serverMaxWindowBits
            self.clientMaxWindowBits = clientMaxWindowBits
            self.threshold = threshold
        }
    }
}
