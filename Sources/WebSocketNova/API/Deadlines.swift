internal import WebSocketCore

extension WebSocketConfiguration {
    /// Bounds on time. A connection does not hang, whatever its peer does or leaves undone.
    ///
    /// When a deadline of the opening passes, the call that opens throws `timed_out`; ``WebSocketError/deadline`` tells which
    /// deadline it was, its length, and the phase that was under way. A server that has refused the upgrade, and whose
    /// answer does not end, is reported as `upgrade_refused` all the same.
    ///
    /// Each deadline is more than zero and at most a year.
    public struct Deadlines: Sendable, Hashable {
        /// From the call to the open connection: look-up, TCP, proxy, TLS and upgrade together. Default: 10 s.
        ///
        /// It defends against everything that keeps a caller waiting.
        public var open = Duration.seconds(10)

        /// For the look-up of the host's name. Default: nil, no more than ``open`` bounds it.
        ///
        /// It defends against name servers that do not answer. Each of the deadlines for one phase starts when the phase
        /// does; set them to fail earlier, and to know the culprit, where a phase should be short.
        public var resolve: Duration?

        /// For the TCP connection, all addresses of the host together. Default: nil, no more than ``open`` bounds it.
        ///
        /// It defends against hosts and firewalls that drop packets without a word.
        public var connect: Duration?

        /// For a proxy's answer. Default: nil, no more than ``open`` bounds it.
        public var proxy: Duration?

        /// For the TLS handshake. Default: nil, no more than ``open`` bounds it.
        ///
        /// It defends against servers that accept and then say nothing.
        public var tls: Duration?

        /// For the answer to the upgrade request. Default: nil, no more than ``open`` bounds it.
        ///
        /// It defends against servers that take the request and do not answer.
        public var upgrade: Duration?

        /// From the Close frame that this side sends to the end of the connection. Default: 10 s.
        ///
        /// When it passes, the connection is aborted, which ``WebSocketCloseInfo/wasClean`` tells. It defends against peers
        /// that neither answer the Close frame nor end the TCP connection (RFC 6455 section 7.1.1).
        public var close = Duration.seconds(10)

        /// How long the peer may send no data. Default: nil, for ever.
        ///
        /// Any part of a message counts, pings and pongs do not, and neither does what this side sends: it finds a peer
        /// that is there, which ``WebSocketConfiguration/keepalive-swift.property`` does not doubt, but has nothing to say any
        /// more, as a feed whose source has died. While this side reads nothing, because nobody takes the messages, the time
        /// does not run.
        ///
        /// When it passes, the connection closes with 1001, and who reads gets the error `timed_out`.
        public var idle: Duration?

        /// The defaults.
        public init() {}
    }
}

extension WebSocketConfiguration.Deadlines {
    /// Refuses values that are out of range, by name.
    func validate() throws(WebSocketError) {
        let deadlines: [(name: String, value: Duration?)] = [
            ("open", self.open), ("resolve", self.resolve), ("connect", self.connect), ("proxy", self.proxy),
            ("tls", self.tls), ("upgrade", self.upgrade), ("close", self.close), ("idle", self.idle),
        ]
        for (name, value) in deadlines {
            if let value { try WebSocketConfiguration.check("deadlines.\(name)", value) }
        }
    }

    /// The deadline of one phase of the opening.
    func limit(for phase: TransportPhase) -> Duration? {
        switch phase {
        case .resolve: self.resolve
        case .connect: self.connect
        case .proxy: self.proxy
        case .tls: self.tls
        case .upgrade: self.upgrade
        }
    }
}
