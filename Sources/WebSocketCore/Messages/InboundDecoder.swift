/// What a server sends, decoded: bytes in, messages and control frames out (RFC 6455 sections 5 to 8, RFC 7692).
///
/// The owner passes the bytes of each read and asks for events until there are none:
///
///     var input = bytesOfOneRead
///     reading: while true {
///         let event = decoder.next(&input)
///         switch event.kind {
///         case .needsInput: break reading
///         case .text, .binary: deliver(event.payload)
///         ...
///         }
///     }
///
/// A message that lies whole in the input stays there: it is neither copied nor moved. One that does not is put together in
/// the decoder's memory, from where ``takeMessage()`` moves it out, and ``directReadTarget()`` lets a large one be read
/// from the socket straight into that memory. After a Close frame or a failure there are no more events.
package struct InboundDecoder: ~Copyable {
    package struct Configuration: Sendable, Hashable {
        /// Most bytes of a message, inflated where it was compressed. 1 MiB unless set.
        package var maximumMessageSize: Int

        /// Most data frames of a message, so that a stream of empty ones comes to an end. 1,048,576 unless set.
        package var maximumFragmentsPerMessage: Int

        package init(maximumMessageSize: Int = 1 << 20, maximumFragmentsPerMessage: Int = 1 << 20) {
            self.maximumMessageSize = max(0, maximumMessageSize)
            self.maximumFragmentsPerMessage = max(1, maximumFragmentsPerMessage)
        }
    }

    /// Where in the stream of bytes the decoder is.
    private enum Phase: UInt8 {
        case header
        case dataPayload
        case controlPayload
        /// After a Close frame or a failure.
        case ended
    }

    /// From how many missing bytes on a payload is worth a read of its own: below, the read that brings it also brings
    /// the frames behind it.
    package static var directReadThreshold: Int { 16 << 10 }

    private var phase = Phase.header
    /// Whether a frame that begins now may be a message of its own and nothing has to be done for it but to look at it.
    private var isAtPlainMessageStart = true
    private var controlOpcode = Opcode.ping
    /// How many bytes are missing from the payload of the current frame.
    private var missing = 0
    private let maximumMessageSize: Int
    private var parser: FrameParser
    private var assembler: MessageAssembler
    /// A control frame's payload that comes in pieces; without storage otherwise.
    private var control = MessageBuffer()

    /// What the peer did wrong; set with the event ``InboundEvent/Kind/failure``.
    package private(set) var failure: ProtocolFailure?

    /// The peer's Close frame; set with the event ``InboundEvent/Kind/close``.
    package private(set) var close: CloseFrame?

    /// Whether messages are delivered in pieces as they arrive, instead of as wholes. A change takes effect with the next
    /// message that begins.
    package var deliversFragments = false {
        didSet { self.isAtPlainMessageStart = self.canTakePlainMessage }
    }

    /// - Parameter inflater: present if permessage-deflate was negotiated.
    package init(configuration: Configuration = Configuration(), inflater: consuming Inflater?) {
        self.maximumMessageSize = configuration.maximumMessageSize
        let allowsCompression = inflater != nil
        self.parser = FrameParser(allowsCompression: allowsCompression)
        self.assembler = MessageAssembler(
            limits: MessageAssembler.Limits(
                messageSize: configuration.maximumMessageSize,
                fragments: configuration.maximumFragmentsPerMessage
            ),
            inflater: inflater
        )
    }

    /// Takes input, moving its start forward, until one event is complete or the input is used up.
    package mutating func next(_ input: inout UnsafeRawBufferPointer) -> InboundEvent {
        if self.isAtPlainMessageStart, let (size, length) = Self.plainMessage(in: input),
            length <= self.maximumMessageSize, let base = input.baseAddress
        {
            let isText = base.load(as: UInt8.self) == 0x81
            let payload = UnsafeRawBufferPointer(start: base + size, count: length)
            if !isText || UTF8Validator.firstInvalidByte(of: payload) == nil {
                let end = size &+ length
                input = UnsafeRawBufferPointer(start: base + end, count: input.count &- end)
                return InboundEvent(isText ? .text : .binary, payload: payload)
            }
        }
        return self.nextStepwise(&input)
    }

    /// Looks for the frame that streams are made of, a whole message, not compressed, of less than 64 KiB, and all of it in
    /// the input: the sizes of its header and its payload. For every other frame nil, and ``FrameParser`` decides.
    @inline(__always)
    private static func plainMessage(in input: UnsafeRawBufferPointer) -> (size: Int, length: Int)? {
        guard input.count >= 4, let base = input.baseAddress else { return nil }
        let first = base.load(as: UInt8.self)
        guard first == 0x82 || first == 0x81 else { return nil }
        var length = Int(base.load(fromByteOffset: 1, as: UInt8.self))
        var size = 2
        if length == 126 {
            length = Int(UInt16(bigEndian: base.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            size = 4
            guard length >= 126 else { return nil }
        } else if length > 126 {
            return nil
        }
        return input.count &- size >= length ? (size, length) : nil
    }

    private mutating func nextStepwise(_ input: inout UnsafeRawBufferPointer) -> InboundEvent {
        do throws(ProtocolFailure) {
            let event = try self.step(&input)
            self.isAtPlainMessageStart = self.canTakePlainMessage
            return event
        } catch {
            return self.fail(error)
        }
    }

    private var canTakePlainMessage: Bool {
        self.phase == .header && self.parser.isAtMessageStart && !self.deliversFragments
    }

    private mutating func fail(_ failure: ProtocolFailure) -> InboundEvent {
        self.failure = failure
        self.end()
        return InboundEvent(.failure)
    }

    private mutating func end() {
        self.phase = .ended
        self.isAtPlainMessageStart = false
    }

    private mutating func step(_ input: inout UnsafeRawBufferPointer) throws(ProtocolFailure) -> InboundEvent {
        while true {
            switch self.phase {
            case .header:
                guard let header = try self.parser.nextHeader(&input) else {
                    self.releaseUnusedStorage()
                    return InboundEvent(.needsInput)
                }
                try self.beginFrame(header)
            case .dataPayload:
                guard self.missing == 0 || !input.isEmpty else { return InboundEvent(.needsInput) }
                if let event = try self.continueData(&input) { return event }
            case .controlPayload:
                guard self.missing == 0 || !input.isEmpty else { return InboundEvent(.needsInput) }
                if let event = try self.continueControl(&input) { return event }
            case .ended:
                // RFC 6455 section 1.4: whoever has received a Close frame discards further data.
                input = UnsafeRawBufferPointer(start: nil, count: 0)
                return InboundEvent(.needsInput)
            }
        }
    }

    private mutating func beginFrame(_ header: FrameHeader) throws(ProtocolFailure) {
        self.missing = header.payloadLength
        if header.opcode.isControl {
            self.controlOpcode = header.opcode
            self.control.removeAll(keeping: .max)
            self.phase = .controlPayload
        } else {
            try self.assembler.beginFrame(header, deliversFragments: self.deliversFragments)
            self.phase = .dataPayload
        }
    }

    /// Gives back the memory of a message that was delivered and not taken: an idle connection is small.
    ///
    /// ``next(_:)`` does so when it comes to the end of its input between two frames. After ``didReadDirectly(_:)``, which has no
    /// input, it is for the owner to call when nothing more is at hand; the payload of the last event is gone then.
    package mutating func releaseUnusedStorage() {
        guard self.phase == .header else { return }
        if self.parser.isAtMessageStart { self.assembler.releaseStorage() }
        self.control.removeAll()
    }

    /// Where in the stream of frames the decoder is.
    package enum Position: Sendable, Hashable {
        case betweenMessages
        /// In a frame's header, or before this many bytes of its payload.
        case insideFrame(missing: Int, isCompressed: Bool)
        case betweenFragments(isCompressed: Bool)
        /// After a Close frame or a failure, where nothing counts any more.
        case behindTheEnd
    }

    /// Where it is: what an end of the stream would cut off.
    package var position: Position {
        switch self.phase {
        case .header where self.parser.isInsideHeader:
            .insideFrame(missing: 0, isCompressed: false)
        case .header where self.parser.isInsideMessage:
            .betweenFragments(isCompressed: self.assembler.isInflating)
        case .header: .betweenMessages
        case .dataPayload: .insideFrame(missing: self.missing, isCompressed: self.assembler.isInflating)
        case .controlPayload: .insideFrame(missing: self.missing, isCompressed: false)
        case .ended: .behindTheEnd
        }
    }

    /// How much memory is held for payloads.
    package var heldStorage: Int { self.assembler.heldStorage + self.control.capacity }
}

// MARK: - Data

extension InboundDecoder {
    private mutating func continueData(
        _ input: inout UnsafeRawBufferPointer
    ) throws(ProtocolFailure) -> InboundEvent? {
        if self.assembler.isSolitary && input.count >= self.missing {
            self.phase = .header
            return try self.assembler.receiveSolitary(self.takePiece(&input))
        }
        let piece = self.takePiece(&input)
        if self.missing == 0 { self.phase = .header }
        return try self.assembler.receive(piece, missing: self.missing)
    }

    /// Takes what is there of the current frame's payload.
    private mutating func takePiece(_ input: inout UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let count = min(self.missing, input.count)
        let piece = UnsafeRawBufferPointer(rebasing: input.prefix(count))
        input = UnsafeRawBufferPointer(rebasing: input.dropFirst(count))
        self.missing -= count
        return piece
    }

    /// Where to put the next bytes from the socket, while at least ``directReadThreshold`` bytes are missing from a payload
    /// that only has to be joined; nil otherwise. It never reaches beyond the current frame.
    ///
    /// Good until the next call that mutates, which is ``didReadDirectly(_:)`` if anything was read.
    package mutating func directReadTarget() -> UnsafeMutableRawBufferPointer? {
        guard self.phase == .dataPayload, self.missing >= Self.directReadThreshold, self.assembler.joinsPlainPayload
        else { return nil }
        return self.assembler.room(for: self.missing)
    }

    /// How many bytes are missing from a payload that is read directly: nothing comes of fewer. 0 if there is none.
    package var directlyMissing: Int {
        self.phase == .dataPayload && self.assembler.joinsPlainPayload ? self.missing : 0
    }

    /// The first `count` bytes of ``directReadTarget()`` have been filled.
    package mutating func didReadDirectly(_ count: Int) -> InboundEvent {
        precondition(count >= 0 && count <= self.missing, "more bytes than the target had")
        self.missing -= count
        if self.missing == 0 { self.phase = .header }
        do throws(ProtocolFailure) {
            let event = try self.assembler.receivedInPlace(count, missing: self.missing)
            self.isAtPlainMessageStart = self.canTakePlainMessage
            return event ?? InboundEvent(.needsInput)
        } catch {
            return self.fail(error)
        }
    }

    /// Moves out the payload of the last event, which was `isOwned`.
    package mutating func takeMessage() -> [UInt8] {
        self.assembler.takeMessage()
    }
}

// MARK: - Control frames

extension InboundDecoder {
    private mutating func continueControl(
        _ input: inout UnsafeRawBufferPointer
    ) throws(ProtocolFailure) -> InboundEvent? {
        if self.control.count == 0 && input.count >= self.missing {
            return try self.finishControl(self.takePiece(&input))
        }
        self.control.reserveCapacity(self.control.count + self.missing)
        self.control.append(self.takePiece(&input))
        guard self.missing == 0 else { return nil }
        return try self.finishControl(self.control.bytes)
    }

    private mutating func finishControl(_ payload: UnsafeRawBufferPointer) throws(ProtocolFailure) -> InboundEvent {
        self.phase = .header
        switch self.controlOpcode {
        case .close:
            self.close = try CloseFrame(parsing: payload)
            self.end()
            return InboundEvent(.close, payload: payload)
        case .pong:
            return InboundEvent(.pong, payload: payload)
        default:
            return InboundEvent(.ping, payload: payload)
        }
    }
}
