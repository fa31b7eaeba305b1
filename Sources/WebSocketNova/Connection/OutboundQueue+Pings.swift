internal import Synchronization
internal import WebSocketCore

// Pings and the pongs that nobody asked for.
extension OutboundQueue {
    /// Appends a ping, behind the data that waits already.
    ///
    /// - Returns: how many bytes the loop has neither taken nor counted up to its end.
    func appendPing(_ payload: UnsafeRawBufferPointer, wake: inout Bool) throws(WebSocketError) -> Int {
        try self.state.withLock { state throws(WebSocketError) in
            if let end = state.end { throw end }
            Self.append(&state, .ping, payload, wake: &wake)
            return state.writtenElsewhere + state.pendingCount
        }
    }

    /// Appends a pong that answers no ping.
    ///
    /// Above the high-water mark it is dropped: what waits there is as much of a sign of life, and the queue must not grow.
    func appendUnsolicitedPong(_ payload: UnsafeRawBufferPointer, wake: inout Bool) throws(WebSocketError) {
        try self.state.withLock { state throws(WebSocketError) in
            if let end = state.end { throw end }
            guard self.hasRoom(state) else { return }
            Self.append(&state, .pong, payload, wake: &wake)
        }
    }
}
