extension WebSocketError {
    /// Which deadline passed, for an error with the code ``Code/timedOut``.
    public struct Deadline: Sendable, Hashable {
        /// One of the configuration's deadlines. The set is open: switch with a default.
        public struct Kind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
            /// A short name out of a bounded set, fit to be a metric's label.
            public var rawValue: String

            /// Wraps a name; prefer the static members.
            public init(rawValue: String) {
                self.rawValue = rawValue
            }

            public var description: String { self.rawValue }

            /// `deadlines.open`: the whole of the opening.
            public static let open = Kind(rawValue: "open")
            /// `deadlines.resolve`: the look-up of the host's name.
            public static let resolve = Kind(rawValue: "resolve")
            /// `deadlines.connect`: the TCP connection.
            public static let connect = Kind(rawValue: "connect")
            /// `deadlines.proxy`: the proxy's answer.
            public static let proxy = Kind(rawValue: "proxy")
            /// `deadlines.tls`: the TLS handshake.
            public static let tls = Kind(rawValue: "tls")
            /// `deadlines.upgrade`: the answer to the upgrade request.
            public static let upgrade = Kind(rawValue: "upgrade")
            /// `deadlines.idle`: the next message.
            public static let idle = Kind(rawValue: "idle")
            /// `keepalive.timeout`: the answer to a ping of the connection's own.
            public static let keepalive = Kind(rawValue: "keepalive")
        }

        /// Which deadline it was.
        public var kind: Kind
        /// In which phase the opening was when it passed: ``Kind/resolve``, ``Kind/connect``, ``Kind/proxy``, ``Kind/tls``
        /// or ``Kind/upgrade``. Nil if the connection was open.
        public var phase: Kind?
        /// How long the deadline was.
        public var limit: Duration

        /// Makes the record of a deadline that passed.
        public init(_ kind: Kind, phase: Kind? = nil, limit: Duration) {
            self.kind = kind
            self.phase = phase
            self.limit = limit
        }
    }

    /// Makes the error of a deadline that passed.
    package init(_ deadline: Deadline, _ message: String) {
        self.init(.timedOut, message)
        self.deadline = deadline
    }
}
