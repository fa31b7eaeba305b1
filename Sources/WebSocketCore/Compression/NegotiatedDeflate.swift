/// The permessage-deflate parameters in force on a connection (RFC 7692 section 7.1).
public struct NegotiatedDeflate: Sendable, Hashable {
    /// Whether the server compresses each message on its own.
    public var serverNoContextTakeover: Bool
    /// Whether this client compresses each message on its own.
    public var clientNoContextTakeover: Bool
    /// The server's window in bits, 8 to 15.
    public var serverMaxWindowBits: Int
    /// This client's window in bits, 8 to 15.
    public var clientMaxWindowBits: Int

    /// Makes a set of parameters; the defaults are what holds where nothing was said.
    public init(
        serverNoContextTakeover: Bool = false,
        clientNoContextTakeover: Bool = false,
        serverMaxWindowBits: Int = 15,
        clientMaxWindowBits: Int = 15
    ) {
        self.serverNoContextTakeover = serverNoContextTakeover
        self.clientNoContextTakeover = clientNoContextTakeover
        self.serverMaxWindowBits = serverMaxWindowBits
        self.clientMaxWindowBits = clientMaxWindowBits
    }

    /// Whether this client can compress what it sends. Not with a window of 8 bits: zlib's raw deflate begins at 9, and its
    /// output might refer to what an 8-bit window has forgotten. Messages then go uncompressed, as RFC 7692 section 6 allows.
    package var canCompress: Bool { self.clientMaxWindowBits > 8 }

    /// The receiving half for these parameters.
    package func makeInflater() -> Inflater {
        Inflater(windowBits: self.serverMaxWindowBits, contextTakeover: !self.serverNoContextTakeover)
    }

    /// The sending half for these parameters, or nil if messages have to go uncompressed.
    package func makeDeflater(_ configuration: CompressionConfiguration) -> Deflater? {
        guard self.canCompress else { return nil }
        return Deflater(
            windowBits: self.clientMaxWindowBits,
            contextTakeover: !self.clientNoContextTakeover,
            level: configuration.level,
            memoryLevel: configuration.memoryLevel
        )
    }
}
