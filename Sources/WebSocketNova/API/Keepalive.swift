internal import WebSocketCore

extension WebSocketConfiguration {
    /// Pings of the connection's own (RFC 6455 section 5.5.2), which find a peer that is gone without a word: a host that
    /// has crashed, a cable that was pulled, a NAT or firewall that has forgotten the connection, to which they also are the
    /// reminder. Without them a connection on which nothing is sent would never end.
    ///
    /// When nothing has come for the ``interval``, a ping is sent. When then nothing comes for the ``timeout``, the
    /// connection ends at once, with code 1006; who reads gets the error `timed_out`.
    ///
    /// ## What counts as life
    /// Any byte that comes does, of a pong or of a message that takes minutes to arrive; a connection on which the peer sends
    /// is not pinged.
    ///
    /// ## What does not count against the peer
    /// - The time in which this side reads nothing, because nobody takes the messages that have come. It starts anew when
    ///   reading goes on.
    /// - The time in which the ping waits behind messages that the peer is slow to take: the timeout starts when the ping has
    ///   been written to the socket, and again as long as the peer's host acknowledges some of what was sent before the
    ///   ping. A peer that takes nothing for the whole ``timeout``, and sends nothing, is taken for gone.
    ///
    /// It works on the event loop, whether or not anybody reads or sends.
    public struct Keepalive: Sendable, Hashable {
        /// Whether pings are sent. Default: true.
        public var isEnabled = true

        /// How long nothing may come before a ping is sent: 20 ms to a year. Default: 20 s, well below the minute after which
        /// many proxies and load balancers drop a silent connection.
        ///
        /// Each connection takes up to a fifth off it, at random, and half off the first time, so that many connections that
        /// were opened together are not pinged together.
        public var interval = Duration.seconds(20)

        /// How long the answer to a ping may take: more than zero, at most a year. Default: 20 s, enough for a mobile
        /// network to come back.
        public var timeout = Duration.seconds(20)

        /// No pings.
        public static var off: Keepalive {
            var keepalive = Keepalive()
            keepalive.isEnabled = false
            return keepalive
        }

        /// The defaults.
        public init() {}

        /// Pings with these times.
        public init(interval: Duration, timeout: Duration) {
            self.interval = interval
            self.timeout = timeout
        }
    }
}

extension WebSocketConfiguration.Keepalive {
    /// Below, connections would send little else than pings.
    private static let leastInterval = Duration.milliseconds(20)

    /// Refuses values that are out of range, by name.
    func validate() throws(WebSocketError) {
        try WebSocketConfiguration.check("keepalive.interval", self.interval, atLeast: Self.leastInterval)
        try WebSocketConfiguration.check("keepalive.timeout", self.timeout)
    }
}
