/// How messages are compressed: permessage-deflate (RFC 7692).
///
/// The client offers; the server takes one of ``offers`` or none, in which case messages go uncompressed.
///
/// ## Memory
/// Nothing is taken before the first compressed message each way. From then on a connection keeps about 40 KiB for
/// receiving and 256 KiB for sending at the defaults; smaller windows and a lower ``memoryLevel`` cost less.
///
/// ## Security
/// Compressing a secret together with text that an attacker chooses tells the secret's likeness to that text by its length
/// (the CRIME and BREACH attacks). Do not compress such messages, or offer ``Offer/clientNoContextTakeover`` and send the
/// two in different messages.
public struct CompressionConfiguration: Sendable, Hashable {
    /// One set of parameters that the server may accept.
    public struct Offer: Sendable, Hashable {
        /// What the offer says about the window that this client compresses with (RFC 7692 section 7.1.2.2).
        public struct ClientWindow: Sendable, Hashable {
            package enum Storage: Sendable, Hashable {
                case notOffered
                case anySize
                case atMost(Int)
            }

            package var storage: Storage

            /// The parameter is absent: the server cannot ask for a smaller window than 15 bits.
            public static let notOffered = ClientWindow(storage: .notOffered)

            /// `client_max_window_bits` without a value: the server may ask for a smaller window.
            public static let anySize = ClientWindow(storage: .anySize)

            /// `client_max_window_bits=N`: this client uses no window of more than N bits, 8 to 15, and the server may ask
            /// for less. With 8, this client receives compressed messages but sends none: zlib has no such window.
            public static func atMost(_ bits: Int) -> ClientWindow { ClientWindow(storage: .atMost(bits)) }
        }

        /// Asks the server to compress each message on its own (RFC 7692 section 7.1.1.1), which saves this client a window
        /// between messages and costs most of the compression of small ones. A server that accepts the offer has to obey.
        public var serverNoContextTakeover: Bool
        /// Declares that this client compresses each message on its own (RFC 7692 section 7.1.1.2).
        public var clientNoContextTakeover: Bool
        /// Asks the server for a window of at most this many bits, 8 to 15 (RFC 7692 section 7.1.2.1); nil leaves it free.
        /// A server that does not know how has to decline the offer.
        public var serverMaxWindowBits: Int?
        /// What is said about this client's own window.
        public var clientMaxWindowBits: ClientWindow

        /// Makes an offer. The defaults are ``standard``.
        public init(
            serverNoContextTakeover: Bool = false,
            clientNoContextTakeover: Bool = false,
            serverMaxWindowBits: Int? = nil,
            clientMaxWindowBits: ClientWindow = .anySize
        ) {
            self.serverNoContextTakeover = serverNoContextTakeover
            self.clientNoContextTakeover = clientNoContextTakeover
            self.serverMaxWindowBits = serverMaxWindowBits
            self.clientMaxWindowBits = clientMaxWindowBits
        }

        /// `permessage-deflate; client_max_window_bits`: the full window and its reuse both ways, and the server may ask for
        /// less. It is what browsers offer, so every server knows it.
        public static let standard = Offer()
    }

    /// What the server may choose from, the best first. At least one.
    public var offers: [Offer]
    /// zlib's compression level: 0 (stored) or 1 (fast) to 9 (small), or -1 for zlib's own default, which is 6.
    ///
    /// Default: 1. Messages share a window, so that even the fast level finds most of what repeats; higher ones take several
    /// times as long for little less. Raise it where bytes cost more than time.
    public var level: Int
    /// zlib's memory level, 1 to 9: how much memory, 2 to the power of (level + 9) bytes, serves the search for repetitions.
    /// Default: 8, zlib's own.
    public var memoryLevel: Int
    /// Messages of fewer bytes than this are sent uncompressed, which RFC 7692 section 6 allows.
    ///
    /// Default: 64. Below that, there is less to save than the TCP/IP header around the message has (40 bytes), and messages
    /// that share no window can become longer.
    public var threshold: Int

    /// Makes a configuration.
    ///
    /// - Parameters:
    ///   - offers: what the server may choose from; by default ``Offer/standard`` alone.
    ///   - level: zlib's level, -1 to 9; by default 1, the fastest that compresses.
    ///   - memoryLevel: zlib's memory level, 1 to 9; by default 8, zlib's own.
    ///   - threshold: in bytes; by default 64.
    public init(
        offers: [Offer] = [.standard],
        level: Int = 1,
        memoryLevel: Int = 8,
        threshold: Int = 64
    ) {
        self.offers = offers
        self.level = level
        self.memoryLevel = memoryLevel
        self.threshold = threshold
    }

    /// The default configuration: see ``init(offers:level:memoryLevel:threshold:)``.
    public static let defaults = CompressionConfiguration()
}

extension CompressionConfiguration {
    /// Refuses options that are out of range, by name.
    ///
    /// - Throws: ``WebSocketError`` with the code ``WebSocketError/Code/invalidConfiguration``.
    package func validate() throws(WebSocketError) {
        try Self.check("level", self.level, in: -1...9)
        try Self.check("memoryLevel", self.memoryLevel, in: 1...9)
        guard self.threshold >= 0 else {
            throw WebSocketError(.invalidConfiguration, "compression threshold is \(self.threshold), less than 0")
        }
        guard !self.offers.isEmpty else {
            throw WebSocketError(
                .invalidConfiguration,
                "compression offers is empty; configure no compression instead to offer none"
            )
        }
        for offer in self.offers {
            if let bits = offer.serverMaxWindowBits { try Self.check("serverMaxWindowBits", bits, in: 8...15) }
            if case .atMost(let bits) = offer.clientMaxWindowBits.storage {
                try Self.check("clientMaxWindowBits", bits, in: 8...15)
            }
        }
    }

    private static func check(_ name: String, _ value: Int, in range: ClosedRange<Int>) throws(WebSocketError) {
        guard range.contains(value) else {
            throw WebSocketError(
                .invalidConfiguration,
                "compression \(name) is \(value), not in \(range.lowerBound)...\(range.upperBound)"
            )
        }
    }
}
