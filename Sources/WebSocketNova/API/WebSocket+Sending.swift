internal import WebSocketCore

// Every `send` returns when the message has been accepted: it is in the connection's queue, in order, and will be written
// unless the connection breaks. While the queue is above the high-water mark, `send` suspends before it accepts; a task that
// is cancelled then has sent nothing.
extension WebSocket {
    /// Sends a text message.
    ///
    /// - Throws: `message_too_large`, before anything is sent; `connection_closed`; `CancellationError` if the task is
    ///   cancelled while it waits for room, in which case the message is not sent.
    public func send(_ text: String) async throws {
        // Neither copies nor allocates.
        if try text.withUTF8Bytes({ utf8 throws(WebSocketError) in try self.attempt(.text, utf8) }) { return }
        try await self.outbound.waitForTicket()
        try text.withUTF8Bytes { utf8 throws(WebSocketError) in try self.sendWithTicket(.text, utf8) }
    }

    /// Sends a binary message.
    ///
    /// - Throws: see ``send(_:)-(String)``.
    public func send(_ bytes: [UInt8]) async throws {
        try await self.send(.binary, bytes)
    }

    /// Sends a binary message: bytes that were received, for example.
    ///
    /// - Throws: see ``send(_:)-(String)``.
    public func send(_ bytes: WebSocketBytes) async throws {
        if try bytes.withRawBytes({ bytes throws(WebSocketError) in try self.attempt(.binary, bytes) }) { return }
        try await self.outbound.waitForTicket()
        try bytes.withRawBytes { bytes throws(WebSocketError) in try self.sendWithTicket(.binary, bytes) }
    }

    /// Sends a text message given as UTF-8.
    ///
    /// - Throws: `invalid_utf8` if it is not; see ``send(_:)-(String)``.
    public func send(utf8 bytes: [UInt8]) async throws {
        try Self.checkUTF8(bytes)
        try await self.send(.text, bytes)
    }

    /// Sends a message of either kind.
    ///
    /// - Throws: see ``send(_:)-(String)``.
    public func send(_ message: WebSocketMessage) async throws {
        switch message {
        case .text(let text): try await self.send(text)
        case .binary(let bytes): try await self.send(bytes)
        }
    }

    private func send(_ opcode: Opcode, _ bytes: [UInt8]) async throws {
        if try bytes.withBytes({ bytes throws(WebSocketError) in try self.attempt(opcode, bytes) }) { return }
        try await self.outbound.waitForTicket()
        try bytes.withBytes { bytes throws(WebSocketError) in try self.sendWithTicket(opcode, bytes) }
    }

    /// Whether the message could be sent without waiting.
    private func attempt(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) throws(WebSocketError) -> Bool {
        try self.checkSize(payload.count)
        var wake = false
        let attempt = try self.outbound.attempt(opcode, payload, wake: &wake)
        if wake { self.wakeLoop() }
        if case .sent = attempt { return true }
        return false
    }

    private func sendWithTicket(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) throws(WebSocketError) {
        var wake = false
        try self.outbound.sendWithTicket(opcode, payload, wake: &wake)
        if wake { self.wakeLoop() }
    }

    static func checkUTF8(_ bytes: [UInt8]) throws(WebSocketError) {
        let position = bytes.withUnsafeBytes { UTF8Validator.firstInvalidByte(of: $0) }
        guard let position else { return }
        let byte = position < bytes.count ? "0x" + String(bytes[position], radix: 16) : "the end"
        throw WebSocketError(.invalidUTF8, "text is not UTF-8: \(byte) at byte \(position) of \(bytes.count)")
    }
}

// MARK: - Fragments

extension WebSocket {
    /// Sends one text message in fragments, as a sequence gives them: each element becomes a frame.
    ///
    /// No other message is sent between the first and the last fragment; senders of others wait. An empty sequence is an
    /// empty message.
    ///
    /// When the sequence throws, or the task is cancelled, after the first fragment has gone, the message cannot be taken
    /// back: the connection is closed with 1011, and the error is thrown.
    ///
    /// - Throws: what the sequence throws; `message_too_large`; see ``send(_:)-(String)``.
    public func send<Fragments: AsyncSequence>(text fragments: Fragments) async throws
    where Fragments.Element: StringProtocol {
        try await self.sendFragments(.text, fragments) { Array($0.utf8) }
    }

    /// Sends one binary message in fragments. See ``send(text:)``.
    public func send<Fragments: AsyncSequence>(binary fragments: Fragments) async throws
    where Fragments.Element: Sequence<UInt8> {
        try await self.sendFragments(.binary, fragments) { Array($0) }
    }

    /// Each fragment is held back until the next one or the end is known: the last one carries the FIN bit.
    private func sendFragments<Fragments: AsyncSequence>(
        _ opcode: Opcode,
        _ fragments: Fragments,
        bytes: (Fragments.Element) -> [UInt8]
    ) async throws {
        try await self.outbound.waitForTurn()
        var writer = FragmentWriter(socket: self, opcode: opcode)
        do {
            var held: [UInt8]?
            for try await fragment in fragments {
                if let held { try await writer.write(held, isFinal: false) }
                held = bytes(fragment)
            }
            try Task.checkCancellation()
            try await writer.write(held ?? [], isFinal: true)
        } catch {
            await self.abandon(writer)
            throw error
        }
    }

    private func abandon(_ writer: FragmentWriter) async {
        if writer.hasBegun {
            if let frame = try? CloseFrame(code: .internalError, reason: "message not finished") {
                await self.connection.beginClosing(frame)
            }
        } else {
            var wake = false
            self.outbound.returnTurn(wake: &wake)
            if wake { self.wakeLoop() }
        }
    }
}

/// The message under way in fragments.
private struct FragmentWriter {
    let socket: WebSocket
    let opcode: Opcode
    private(set) var hasBegun = false
    private var size = 0
    private let compresses: Bool

    init(socket: WebSocket, opcode: Opcode) {
        self.socket = socket
        self.opcode = opcode
        // Its size is not known; who sends in fragments mostly has much to send.
        self.compresses = socket.outbound.compressionThreshold != nil
    }

    mutating func write(_ bytes: [UInt8], isFinal: Bool) async throws {
        self.size += bytes.count
        try self.socket.checkSize(self.size)
        if !self.socket.outbound.hasFragmentRoom { try await self.socket.outbound.waitForFragmentRoom() }
        var wake = false
        try bytes.withBytes { bytes throws(WebSocketError) in
            try self.socket.outbound.appendFragment(
                self.hasBegun ? .continuation : self.opcode,
                bytes,
                isFinal: isFinal,
                compressing: self.compresses,
                wake: &wake
            )
        }
        self.hasBegun = true
        if wake { self.socket.wakeLoop() }
    }
}
