extension WebSocketCloseInfo {
    /// What kind of thing ended a connection that did not end by a closing handshake.
    ///
    /// For decisions, whether to connect again for example; ``WebSocketCloseInfo/failure`` has the words. The set is open:
    /// switch with a default.
    public struct Cause: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// A short name out of a bounded set, fit to be a metric's label.
        public var rawValue: String

        /// Wraps a name; prefer the static members.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        public var description: String { self.rawValue }

        // The peer, or what lies between.

        /// The peer ended the stream in order, between two messages and without a Close frame: a process that exits, a proxy
        /// whose idle time is over.
        public static let endOfStream = Cause(rawValue: "end_of_stream")
        /// The stream ended in order in the middle of a frame.
        public static let truncatedFrame = Cause(rawValue: "truncated_frame")
        /// The stream ended in order between two fragments of a message.
        public static let truncatedMessage = Cause(rawValue: "truncated_message")
        /// TCP was reset, wherever in the stream that was.
        public static let reset = Cause(rawValue: "reset")
        /// TCP gave up without an answer: the host or the network is gone.
        public static let unreachable = Cause(rawValue: "unreachable")
        /// The TLS below broke: a fatal alert of the peer, or a record that is damaged.
        public static let tls = Cause(rawValue: "tls")

        // This side.

        /// The peer broke the protocol (close codes 1002, 1003 and 1007).
        public static let protocolViolation = Cause(rawValue: "protocol_violation")
        /// The peer sent more than ``WebSocketCloseInfo/code`` allows it to: a message over a limit (1008, 1009).
        public static let limitExceeded = Cause(rawValue: "limit_exceeded")
        /// A deadline passed: the peer did not answer a Close frame, or a ping.
        public static let timedOut = Cause(rawValue: "timed_out")
        /// This side aborted.
        public static let aborted = Cause(rawValue: "aborted")
        /// The process could not go on: its event loop was shut down, or memory was short.
        public static let local = Cause(rawValue: "local")
    }
}
