/// Makes messages out of the payloads of data frames: joins fragments, inflates, validates text, and keeps the limits.
package struct MessageAssembler: ~Copyable {
    package struct Limits: Sendable, Hashable {
        /// Most bytes of a message, inflated where it was compressed.
        package var messageSize: Int
        /// Most data frames of a message. Empty ones cost nothing else.
        package var fragments: Int
    }

    /// What is done with the payload of the current message.
    private enum Mode {
        /// Joined in ``buffer``, delivered at the end.
        case assemble
        /// Delivered as it comes.
        case deliver
        /// Inflated into ``buffer``, delivered at the end.
        case inflateAndAssemble
        /// Inflated into ``buffer``, each piece delivered.
        case inflateAndDeliver
    }

    /// A frame that announces more than this gets memory only as its bytes arrive.
    private static var reservedAtOnce: Int { 1 << 20 }

    package let limits: Limits
    private var inflater: Inflater?
    private var buffer = MessageBuffer()

    // The current message.
    private var mode = Mode.assemble
    private var isText = false
    /// Whether no piece of it has been delivered.
    private var isFirst = true
    private var validator = UTF8Validator()
    /// How many bytes of the text have been found valid.
    private var validated = 0
    private var fragments = 0
    /// Bytes that the frames so far announced, or that were delivered before the ones in ``buffer``.
    private var size = 0
    private var frameIsFinal = true

    package init(limits: Limits, inflater: consuming Inflater?) {
        self.limits = limits
        self.inflater = inflater
    }

    /// Whether the rest of the frame may be written to ``room(for:)`` by others.
    package var joinsPlainPayload: Bool { self.mode == .assemble }

    /// Whether the current message is compressed.
    package var isInflating: Bool { self.mode == .inflateAndAssemble || self.mode == .inflateAndDeliver }

    /// Whether the current frame is all of a message that needs no memory if its payload is at hand as a whole.
    package var isSolitary: Bool {
        self.mode == .assemble && self.fragments == 1 && self.frameIsFinal && self.buffer.count == 0
    }

    // MARK: Frames

    /// A data frame begins. The limits are checked before memory is taken.
    package mutating func beginFrame(_ header: FrameHeader, deliversFragments: Bool) throws(ProtocolFailure) {
        if header.opcode != .continuation {
            self.beginMessage(header, deliversFragments: deliversFragments)
        }
        self.frameIsFinal = header.isFinal
        self.fragments += 1
        if self.fragments > self.limits.fragments {
            throw ProtocolFailure(.policyViolation, "message of more than \(self.limits.fragments) fragments")
        }
        guard self.mode == .assemble || self.mode == .deliver else { return }
        // Both are at most Int.max, so their difference cannot overflow, as their sum could.
        guard header.payloadLength <= self.limits.messageSize - self.size else {
            let (sum, overflow) = self.size.addingReportingOverflow(header.payloadLength)
            let known = overflow ? "over \(Int.max)" : "\(header.isFinal ? "" : "at least ")\(sum)"
            throw self.tooBig("message of \(known) bytes")
        }
        self.size += header.payloadLength
    }

    private mutating func beginMessage(_ header: FrameHeader, deliversFragments: Bool) {
        self.mode =
            switch (header.isCompressed, deliversFragments) {
            case (false, false): .assemble
            case (false, true): .deliver
            case (true, false): .inflateAndAssemble
            case (true, true): .inflateAndDeliver
            }
        self.isText = header.opcode == .text
        self.isFirst = true
        self.validator = UTF8Validator()
        self.validated = 0
        self.fragments = 0
        self.size = 0
        // The last message may not have been taken; its storage serves this one.
        self.buffer.removeAll(keeping: .max)
    }

    /// Takes a piece of the frame's payload, behind which `missing` bytes are still to come.
    package mutating func receive(
        _ piece: UnsafeRawBufferPointer,
        missing: Int
    ) throws(ProtocolFailure) -> InboundEvent? {
        let endsMessage = missing == 0 && self.frameIsFinal
        switch self.mode {
        case .assemble:
            if !piece.isEmpty {
                self.room(for: piece.count + missing, atLeast: piece.count).copyMemory(from: piece)
                self.buffer.commit(piece.count)
            }
            try self.validate(piece, endsMessage: endsMessage)
            return endsMessage ? self.wholeMessage() : nil
        case .deliver:
            try self.validate(piece, endsMessage: endsMessage)
            return self.fragment(piece, isOwned: false, endsMessage: endsMessage)
        case .inflateAndAssemble:
            try self.validate(try self.inflate(piece, endsMessage: endsMessage), endsMessage: endsMessage)
            return endsMessage ? self.wholeMessage() : nil
        case .inflateAndDeliver:
            self.size += self.buffer.count
            self.buffer.removeAll(keeping: .max)
            let inflated = try self.inflate(piece, endsMessage: endsMessage)
            try self.validate(inflated, endsMessage: endsMessage)
            return self.fragment(inflated, isOwned: true, endsMessage: endsMessage)
        }
    }

    /// A whole message that lies in the input, and stays there.
    package mutating func receiveSolitary(_ payload: UnsafeRawBufferPointer) throws(ProtocolFailure) -> InboundEvent {
        try self.validate(payload, endsMessage: true)
        return InboundEvent(self.isText ? .text : .binary, payload: payload)
    }

    /// Bytes were written to ``room(for:)`` by others.
    package mutating func receivedInPlace(_ count: Int, missing: Int) throws(ProtocolFailure) -> InboundEvent? {
        let endsMessage = missing == 0 && self.frameIsFinal
        self.buffer.commit(count)
        try self.validate(UnsafeRawBufferPointer(rebasing: self.buffer.bytes.suffix(count)), endsMessage: endsMessage)
        return endsMessage ? self.wholeMessage() : nil
    }

    // MARK: Memory

    /// Room for what is missing of the frame, or for a part of it if that is much, but for `arrived` bytes in any case.
    ///
    /// Exact for the last frame of a message, geometric otherwise. What a peer announces costs at most 1 MiB until its
    /// bytes arrive, and then at most as much again as has arrived.
    package mutating func room(
        for missing: Int,
        atLeast arrived: Int = 0
    ) -> UnsafeMutableRawBufferPointer {
        let count = self.buffer.count
        let needed = max(arrived, min(missing, InboundDecoder.directReadThreshold))
        if self.buffer.capacity - count < needed {
            let wanted = self.frameIsFinal ? count + missing : max(count + missing, count * 2)
            self.buffer.reserveCapacity(min(wanted, max(count * 2, count + needed, Self.reservedAtOnce)))
        }
        return UnsafeMutableRawBufferPointer(rebasing: self.buffer.room(atLeast: 0).prefix(missing))
    }

    package mutating func takeMessage() -> [UInt8] {
        self.buffer.take()
    }

    /// How much storage is held.
    package var heldStorage: Int { self.buffer.capacity }

    /// Gives back the storage that the last message left.
    package mutating func releaseStorage() {
        self.buffer.removeAll()
    }

    // MARK: Parts

    private mutating func wholeMessage() -> InboundEvent {
        InboundEvent(self.isText ? .text : .binary, payload: self.buffer.bytes, isOwned: true)
    }

    private mutating func fragment(
        _ piece: UnsafeRawBufferPointer,
        isOwned: Bool,
        endsMessage: Bool
    ) -> InboundEvent? {
        guard endsMessage || !piece.isEmpty else { return nil }
        defer { self.isFirst = false }
        return InboundEvent(
            .fragment,
            payload: piece,
            isOwned: isOwned,
            isText: self.isText,
            isFirst: self.isFirst,
            isFinal: endsMessage
        )
    }

    private mutating func validate(
        _ piece: UnsafeRawBufferPointer,
        endsMessage: Bool
    ) throws(ProtocolFailure) {
        guard self.isText else { return }
        if let position = self.validator.firstInvalidByte(in: piece) {
            throw ProtocolFailure(
                .invalidFramePayloadData,
                "text message that is not UTF-8: byte 0x\(String(piece[position], radix: 16)) at \(self.validated + position)"
            )
        }
        self.validated += piece.count
        if endsMessage && !self.validator.isComplete {
            throw ProtocolFailure(
                .invalidFramePayloadData,
                "text message of \(self.validated) bytes that ends inside a code point"
            )
        }
    }

    /// Inflates a piece behind what is in ``buffer``, and returns what came out of it.
    private mutating func inflate(
        _ piece: UnsafeRawBufferPointer,
        endsMessage: Bool
    ) throws(ProtocolFailure) -> UnsafeRawBufferPointer {
        let before = self.buffer.count
        let limit = self.limits.messageSize - self.size
        do throws(InflateError) {
            if !piece.isEmpty {
                try self.inflater?.inflate(piece, into: &self.buffer, limit: limit)
            }
            if endsMessage {
                try self.inflater?.finishMessage(into: &self.buffer, limit: limit)
            }
        } catch {
            throw self.failure(of: error)
        }
        return UnsafeRawBufferPointer(rebasing: self.buffer.bytes[before...])
    }

    /// RFC 7692 names no code for data that do not inflate. 1007 is what RFC 6455 section 7.4.1 has for "data within a
    /// message that was not consistent with the type of the message".
    private func failure(of error: InflateError) -> ProtocolFailure {
        switch error {
        case .corrupt: ProtocolFailure(.invalidFramePayloadData, "compressed message that does not inflate")
        case .tooLarge: self.tooBig("compressed message")
        case .outOfMemory: ProtocolFailure(.internalError, "no memory to inflate a message")
        }
    }

    private func tooBig(_ what: String) -> ProtocolFailure {
        ProtocolFailure(.messageTooBig, "\(what) exceeds the limit of \(self.limits.messageSize)")
    }
}
