internal import Synchronization
internal import WebSocketCore

// Pings and pongs (RFC 6455 sections 5.5.2 and 5.5.3). The peer's pings are answered without anyone's doing.
extension WebSocket {
    /// Sends a ping and waits for the answer.
    ///
    /// The connection's own pings find a peer that is gone (``WebSocketConfiguration/Keepalive-swift.struct``); this one is
    /// for who wants to know now, or wants to tell the peer something.
    ///
    /// There is no deadline here: without an answer it waits until the connection ends, or the task is cancelled.
    ///
    /// - Parameter payload: at most 125 bytes, which the peer sends back. Default: nil, eight bytes that the peer cannot guess.
    ///   Of several pings with the same payload, the first pong answers the oldest. A peer may answer only the last of
    ///   several pings; its pong then counts for those before it.
    /// - Returns: the time from the writing of the ping to the socket to the arrival of its pong.
    /// - Throws: `control_frame_too_large`; `too_many_pings` if ``WebSocketConfiguration/Limits-swift.struct/pendingPings`` wait
    ///   already; `connection_closed`; `CancellationError`, after which a late pong is ignored.
    @discardableResult
    public func ping(_ payload: [UInt8]? = nil) async throws -> Duration {
        if let payload { try Self.checkControlPayload(payload) }
        return try await self.connection.ping(payload)
    }

    /// Sends a pong that nobody has asked for: a sign of life that the peer does not answer (RFC 6455 section 5.5.3).
    ///
    /// It does not wait. While more waits to be sent than ``WebSocketConfiguration/Limits-swift.struct/outboundHighWaterMark``,
    /// it sends nothing, because what waits is a sign of life as well.
    ///
    /// - Parameter payload: at most 125 bytes. Default: none.
    /// - Throws: `control_frame_too_large`, `connection_closed`.
    public func pong(_ payload: [UInt8] = []) throws(WebSocketError) {
        try Self.checkControlPayload(payload)
        var wake = false
        try payload.withBytes { bytes throws(WebSocketError) in
            try self.outbound.appendUnsolicitedPong(bytes, wake: &wake)
        }
        if wake { self.wakeLoop() }
    }

    /// How long the last ping, of the connection's own or of ``ping(_:)``, took to be answered; nil if none has been.
    public var latency: Duration? { self.connection.roundTripTime.withLock { $0?.latest } }

    /// The mean of the times of ``latency`` over the connection's life, in which the recent ones count more: each new one by
    /// an eighth (RFC 6298 section 2.3). Nil if no ping has been answered.
    public var smoothedLatency: Duration? { self.connection.roundTripTime.withLock { $0?.smoothed } }

    private static func checkControlPayload(_ payload: [UInt8]) throws(WebSocketError) {
        // RFC 6455 section 5.5.
        guard payload.count <= 125 else {
            throw WebSocketError(
                .controlFrameTooLarge,
                "a payload of \(payload.count) bytes; that of a ping or pong has at most 125"
            )
        }
    }
}
