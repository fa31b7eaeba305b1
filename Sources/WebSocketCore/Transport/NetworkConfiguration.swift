/// How the TCP connection is made and kept: which addresses are tried and when, from where, and with which socket options.
///
/// Nothing here but ``attemptDelay`` and ``addressFamily`` changes what a service on the open internet needs: the defaults
/// are the kernel's, with Nagle's algorithm off.
public struct NetworkConfiguration: Sendable, Hashable {
    /// Which kinds of IP addresses are tried.
    public struct AddressFamily: Sendable, Hashable, CustomStringConvertible {
        package enum Storage: String, Sendable, Hashable {
            case any
            case ipv4
            case ipv6
        }

        package var storage: Storage

        /// IPv6 and IPv4.
        public static let any = AddressFamily(storage: .any)
        /// IPv4 only.
        public static let ipv4 = AddressFamily(storage: .ipv4)
        /// IPv6 only.
        public static let ipv6 = AddressFamily(storage: .ipv6)

        public var description: String { self.storage.rawValue }

        /// Whether a numeric address is of this kind.
        package func includes(_ address: String) -> Bool {
            switch self.storage {
            case .any: true
            case .ipv4: !address.utf8.contains(UInt8(ascii: ":"))
            case .ipv6: address.utf8.contains(UInt8(ascii: ":"))
            }
        }
    }

    /// The kernel's probes of an idle connection (tcp(7), RFC 9293 section 3.8.4).
    ///
    /// They find a peer that is gone, but not one whose kernel lives and whose process hangs, nor anything behind a proxy;
    /// the WebSocket pings of the connection find all of these. They are of use where those are off.
    public struct TCPKeepalive: Sendable, Hashable {
        /// How long a connection is idle before the first probe. 1 second to 9 hours, in whole seconds; the kernel takes no
        /// fractions and 32,767 at most. Default: 60 s.
        public var idle = Duration.seconds(60)
        /// The time between two probes. The same range. Default: 10 s.
        public var interval = Duration.seconds(10)
        /// How many unanswered probes end the connection. 1 to 127. Default: 6.
        public var count = 6

        /// The defaults.
        public init() {}
    }

    /// The local address to connect from: an IP address, or the name of an interface (`eth1`), of which the first address
    /// is taken that is of the server's family. Default: nil, which leaves the choice to the routing table.
    ///
    /// For hosts with several addresses, of which the peer admits only one. It chooses the source address; the way of the
    /// packets remains the routing table's choice. A name or an address that the host does not have is refused with
    /// `invalid_configuration` when a connection is opened. It does not concern Unix sockets.
    public var interface: String?

    /// Which kinds of addresses are tried. Default: ``AddressFamily/any``.
    ///
    /// To restrict it defends against a network with a broken IPv6 (or IPv4) that accepts connections and then loses
    /// packets, which a race of connection attempts does not notice.
    public var addressFamily = AddressFamily.any

    /// How long the attempt to connect to one address is waited for before the next address is tried beside it. Default:
    /// 250 ms (RFC 8305 section 5); 10 ms to 2 s, the bounds of that section.
    ///
    /// It defends against an address that does not answer: with addresses in turn it would cost the whole deadline. An
    /// attempt that fails is followed by the next one at once. The first TCP connection that is up is taken and the other
    /// attempts are dropped. At most 32 attempts run at a time.
    public var attemptDelay = Duration.milliseconds(250)

    /// Whether small writes are sent at once (`TCP_NODELAY`), rather than held back until earlier ones are acknowledged
    /// (RFC 9293 section 3.7.4). Default: true: a message waits for up to a round trip, or 40 ms, without it.
    public var noDelay = true

    /// The kernel's keepalive probes. Default: nil, off.
    public var tcpKeepalive: TCPKeepalive?

    /// How many bytes the kernel may receive ahead (`SO_RCVBUF`). Default: nil, which lets the kernel adapt it; a number
    /// ends that. 1 KiB to 1 GiB. The kernel doubles it, up to twice its `net.core.rmem_max`.
    ///
    /// A small one bounds what a peer can send before a slow reader holds it back.
    public var receiveBufferSize: Int?

    /// How many bytes the kernel takes before the peer has acknowledged them (`SO_SNDBUF`). Default: nil, which lets the
    /// kernel adapt it. The same range and doubling, with `net.core.wmem_max`.
    ///
    /// A small one bounds how much a peer that stops reading leaves behind in this process's kernel memory.
    public var sendBufferSize: Int?

    /// How long sent data may remain unacknowledged before the kernel ends the connection (`TCP_USER_TIMEOUT`, RFC 5482).
    /// Default: nil, the kernel's own, some 15 minutes. 1 ms to 24 days.
    ///
    /// It finds a peer that is gone while there is data on its way to it, where keepalive probes do not run.
    public var userTimeout: Duration?

    /// The defaults.
    public init() {}
}

extension NetworkConfiguration {
    /// Refuses values that are out of range, by name.
    package func validate() throws(WebSocketError) {
        try Self.check("network.attemptDelay", self.attemptDelay, in: .milliseconds(10) ... .seconds(2))
        if let keepalive = self.tcpKeepalive {
            let range = Duration.seconds(1) ... .seconds(32_767)
            try Self.check("network.tcpKeepalive.idle", keepalive.idle, in: range)
            try Self.check("network.tcpKeepalive.interval", keepalive.interval, in: range)
            try Self.check("network.tcpKeepalive.count", keepalive.count, in: 1...127)
        }
        let sizes = 1 << 10...1 << 30
        if let size = self.receiveBufferSize { try Self.check("network.receiveBufferSize", size, in: sizes) }
        if let size = self.sendBufferSize { try Self.check("network.sendBufferSize", size, in: sizes) }
        if let timeout = self.userTimeout {
            try Self.check("network.userTimeout", timeout, in: .milliseconds(1) ... .seconds(24 * 86_400))
        }
        if let interface = self.interface {
            let isPlain = interface.utf8.allSatisfy { (0x21...0x7e).contains($0) }
            // The longest IPv6 address has 45 characters, a name at most 15 and a zone adds as much (if_nametoindex(3)).
            guard isPlain, (1...64).contains(interface.utf8.count) else {
                throw WebSocketError(
                    .invalidConfiguration,
                    "network.interface is \(HTTPGrammar.quoted(interface)); it must be an IP address or an interface's name"
                )
            }
        }
    }

    private static func check<Value: Comparable>(
        _ name: String,
        _ value: Value,
        in range: ClosedRange<Value>
    ) throws(WebSocketError) {
        guard range.contains(value) else {
            throw WebSocketError(
                .invalidConfiguration,
                "\(name) is \(value); it must be from \(range.lowerBound) to \(range.upperBound)"
            )
        }
    }
}
