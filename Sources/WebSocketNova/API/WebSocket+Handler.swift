internal import LWSTransport
internal import Synchronization
public import WebSocketCore

extension WebSocket {
    /// Takes a message on the event loop. The payload, of text its UTF-8, is lent for the time of the call.
    public typealias MessageHandler = @Sendable (LoopContext, WebSocketMessage.Kind, RawSpan) -> Void

    /// What a handler on the event loop can do with its connection. Only valid during the handler's call, on its thread.
    public final class LoopContext {
        private unowned let connection: Connection
        private let outbound: OutboundQueue
        private let outboundMessageSize: Int
        /// The outbound queue has passed its mark: the connection does not read on before it has drained.
        var isFull: Bool { self.full.load(ordering: .relaxed) }
        /// Something was sent, and is written when the handler has had the messages of the read.
        var hasSent: Bool { self.sent.load(ordering: .relaxed) }
        // Atomics, though all is on one thread: unlike stored variables they cost no check for overlapping access, which
        // would be made for each message.
        private let full = Atomic(false)
        private let sent = Atomic(false)

        init(connection: Connection, outbound: OutboundQueue) {
            self.connection = connection
            self.outbound = outbound
            self.outboundMessageSize = connection.settings.outboundMessageSize
        }

        /// Sends a message without waiting. What a handler sends for one message is written together.
        ///
        /// While the peer takes nothing and the queue is above its high-water mark, no further message is read from the
        /// socket, so that a handler that answers each message once needs no bound of its own.
        ///
        /// - Throws: `message_too_large`; `connection_closed`; for text, `invalid_utf8`; all before anything is sent.
        public func send(_ kind: WebSocketMessage.Kind, _ payload: RawSpan) throws(WebSocketError) {
            // RawSpan's own closure cannot throw a typed error.
            var failure: WebSocketError?
            payload.withUnsafeBytes { bytes in
                do throws(WebSocketError) { try self.send(kind, bytes) } catch { failure = error }
            }
            if let failure { throw failure }
        }

        /// Sends a text message without waiting. See ``send(_:_:)``.
        public func send(_ text: String) throws(WebSocketError) {
            try text.withUTF8Bytes { utf8 throws(WebSocketError) in try self.append(.text, utf8) }
        }

        /// Begins to close the connection; see ``WebSocket/close(code:reason:)``.
        ///
        /// - Throws: `invalid_close_code`, `invalid_close_reason`.
        public func close(code: WebSocketCloseCode = .normalClosure, reason: String = "") throws(WebSocketError) {
            let frame = try CloseFrame(code: code, reason: reason)
            let connection = self.connection
            Task { await connection.beginClosing(frame) }
        }

        private func send(_ kind: WebSocketMessage.Kind, _ bytes: UnsafeRawBufferPointer) throws(WebSocketError) {
            if kind == .text, let position = UTF8Validator.firstInvalidByte(of: bytes) {
                throw WebSocketError(.invalidUTF8, "text is not UTF-8 from byte \(position) on")
            }
            try self.append(kind == .text ? .text : .binary, bytes)
        }

        private func append(_ opcode: Opcode, _ bytes: UnsafeRawBufferPointer) throws(WebSocketError) {
            guard bytes.count <= self.outboundMessageSize else {
                throw WebSocketError(
                    .messageTooLarge,
                    "a message of \(bytes.count) bytes is over the limit of \(self.outboundMessageSize)"
                )
            }
            if try self.outbound.sendFromLoop(opcode, bytes) { self.full.store(true, ordering: .relaxed) }
            self.sent.store(true, ordering: .relaxed)
        }

        func reset() {
            self.full.store(false, ordering: .relaxed)
            self.sent.store(false, ordering: .relaxed)
        }
    }
}
