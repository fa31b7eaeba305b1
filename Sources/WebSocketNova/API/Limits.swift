internal import WebSocketCore

extension WebSocketConfiguration {
    /// Bounds on memory and work. They hold whatever a peer sends and however slowly a user reads.
    ///
    /// What one open connection can hold, beside a few KiB of its own:
    /// - Inbound: ``inboundHighWaterMark`` + ``inboundReadAhead`` bytes of unread messages, as much as is taken in before the
    ///   marks are looked at (256 KiB and one message of ``messageSize``), what is left of the read in which they were passed
    ///   (at most 1 MiB, and no more than ``inboundHighWaterMark`` or 64 KiB, whichever is more), and the message that is on
    ///   its way, for which at most twice ``messageSize`` are reserved.
    /// - Outbound: ``outboundHighWaterMark`` bytes, one message of ``outboundMessageSize`` for each of the sixteen tasks at
    ///   most that are let in at a time, and 64 KiB of pongs.
    public struct Limits: Sendable, Hashable {
        /// The most bytes that a message from the peer may have, inflated where it was compressed. Default: 1 MiB.
        ///
        /// It is checked on the header of each frame, before memory is taken for it, and while a message is inflated, which
        /// makes a compressed bomb as large as any other message. A larger message ends the connection with close code 1009
        /// and `message_too_large`.
        public var messageSize = 1 << 20

        /// The most frames that a message may consist of. Default: 65,536.
        ///
        /// It defends against a peer that sends fragments without end, empty or of one byte, of which each costs time. More
        /// end the connection with close code 1008 and `protocol_violation`.
        public var fragmentsPerMessage = 65_536

        /// The most bytes that a message to the peer may have. Default: 64 MiB. A larger one is refused with
        /// `message_too_large` before any of it is sent.
        public var outboundMessageSize = 64 << 20

        /// From how many bytes of unread messages on the consumer counts as slow. Default: 1 MiB. A message counts with its
        /// payload and the memory beside it, at least 32 bytes.
        ///
        /// It defends against memory that grows because a peer sends faster than this side reads. The connection goes on
        /// reading, in small steps, up to ``inboundReadAhead`` bytes more, and then stops, so that TCP holds the peer back.
        public var inboundHighWaterMark = 1 << 20

        /// Down to how many bytes of unread messages the consumer has to come before a connection that has stopped reads
        /// again. Default: nil, half of ``inboundHighWaterMark``.
        ///
        /// The distance of the two keeps a connection from stopping and starting with each message.
        public var inboundLowWaterMark: Int?

        /// From how many unread messages on the consumer counts as slow, whatever their size. Default: 16,384.
        ///
        /// It defends against a peer that sends empty messages for ever.
        public var inboundMessageCount = 16_384

        /// Down to how many unread messages the consumer has to come before a connection that has stopped reads again.
        /// Default: nil, half of ``inboundMessageCount``.
        public var inboundLowMessageCount: Int?

        /// How many bytes of messages are still taken in for a consumer that is slow. Default: 256 KiB.
        ///
        /// Among them pings are answered, and a Close frame or the end of the stream is noticed: a consumer that pauses for a
        /// while does not look dead to its peer. Once they are used up the connection stops reading, and what is behind them
        /// waits in the kernel; a reset is noticed even then.
        public var inboundReadAhead = 256 << 10

        /// From how many unsent bytes on `send` suspends. Default: 1 MiB.
        ///
        /// It defends against memory that grows because this side sends faster than the peer reads.
        public var outboundHighWaterMark = 1 << 20

        /// Down to how many unsent bytes a queue that was full has to come before suspended `send`s go on, in the order in
        /// which they came. Default: nil, half of ``outboundHighWaterMark``.
        public var outboundLowWaterMark: Int?

        /// How many pings of the peer are answered in a second, each at once. Default: 100.
        ///
        /// It defends against a peer that floods pings to have pongs made. Of those above the limit only the latest is
        /// answered, when the second is over, which RFC 6455 section 5.5.3 allows: no peer that keeps to it is harmed.
        public var pingsPerSecond = 100

        /// The most bytes of names and values in the head of the server's response. Default: 32 KiB.
        ///
        /// It defends against headers without end. A larger head ends the opening with `invalid_upgrade_response`. Fields
        /// that libwebsockets does not know (see ``WebSocketConfiguration/responseHeaderNames``) do not count, but with them
        /// the head has no more than its buffer of 64 KiB.
        public var responseHeadSize = 32 << 10

        /// How many bytes of the body of a refused upgrade are kept for the error. Default: 4 KiB.
        ///
        /// The body is waited for until its end, this limit or the open deadline. Zero keeps none and waits for none. A
        /// content coding such as gzip is left as it is.
        public var refusalBodySize = 4 << 10

        /// How many calls of ``WebSocket/ping(_:)`` may wait for their pongs. Default: 16. One more is refused with
        /// `too_many_pings`: a peer that answers none must not make the list of them grow.
        public var pendingPings = 16

        /// The defaults.
        public init() {}
    }
}

extension WebSocketConfiguration.Limits {
    /// Refuses values that are out of range, by name.
    func validate() throws(WebSocketError) {
        try self.check("messageSize", self.messageSize, in: 0...Int(Int32.max))
        try self.check("fragmentsPerMessage", self.fragmentsPerMessage, in: 1...Int.max)
        try self.check("outboundMessageSize", self.outboundMessageSize, in: 0...Int(Int32.max))
        try self.check("inboundHighWaterMark", self.inboundHighWaterMark, in: 1...Int.max)
        try self.check("inboundLowWaterMark", self.inboundLowWaterMark, in: 0...self.inboundHighWaterMark)
        try self.check("inboundMessageCount", self.inboundMessageCount, in: 1...Int.max)
        try self.check("inboundLowMessageCount", self.inboundLowMessageCount, in: 0...self.inboundMessageCount)
        try self.check("inboundReadAhead", self.inboundReadAhead, in: 0...Int.max)
        try self.check("outboundHighWaterMark", self.outboundHighWaterMark, in: 1...Int.max)
        try self.check("outboundLowWaterMark", self.outboundLowWaterMark, in: 0...self.outboundHighWaterMark)
        try self.check("pingsPerSecond", self.pingsPerSecond, in: 1...1_000_000)
        try self.check("pendingPings", self.pendingPings, in: 1...1 << 16)
        // libwebsockets keeps the head in one buffer of 64 KiB.
        try self.check("responseHeadSize", self.responseHeadSize, in: 256...48 << 10)
        try self.check("refusalBodySize", self.refusalBodySize, in: 0...1 << 24)
    }

    private func check(_ name: String, _ value: Int?, in range: ClosedRange<Int>) throws(WebSocketError) {
        guard let value, !range.contains(value) else { return }
        throw WebSocketError(
            .invalidConfiguration,
            "limits.\(name) is \(value); it must be from \(range.lowerBound) to \(range.upperBound)"
        )
    }

    /// The marks of the queue of unread messages.
    var inboundMarks: InboundQueue.Marks {
        InboundQueue.Marks(
            bytes: WaterMarks(high: self.inboundHighWaterMark, low: self.inboundLowWaterMark),
            count: WaterMarks(high: self.inboundMessageCount, low: self.inboundLowMessageCount),
            readAhead: self.inboundReadAhead
        )
    }

    /// The marks of the queue of unsent messages.
    var outboundMarks: WaterMarks {
        WaterMarks(high: self.outboundHighWaterMark, low: self.outboundLowWaterMark)
    }
}
