/// The header of one frame (RFC 6455 section 5.2), for either role.
///
/// What holds for a frame alone is checked here. What depends on the role, the extensions and the frames before is
/// checked by ``FrameParser``.
package struct FrameHeader: Hashable, Sendable {
    package var opcode: Opcode

    /// FIN: the last (or only) frame of its message.
    package var isFinal: Bool

    /// RSV1: the message that begins with this frame is compressed (RFC 7692 section 6).
    package var isCompressed: Bool

    /// How many bytes follow the header.
    package var payloadLength: Int

    /// The key that the payload is masked with; clients always mask, servers never (RFC 6455 section 5.1).
    package var maskingKey: MaskingKey?

    @inlinable
    package init(
        opcode: Opcode,
        isFinal: Bool = true,
        isCompressed: Bool = false,
        payloadLength: Int,
        maskingKey: MaskingKey? = nil
    ) {
        self.opcode = opcode
        self.isFinal = isFinal
        self.isCompressed = isCompressed
        self.payloadLength = payloadLength
        self.maskingKey = maskingKey
    }

    /// No header is longer: two bytes, eight of length, four of masking key.
    package static let maximumSize = 14

    /// RFC 6455 section 5.5: "All control frames MUST have a payload length of 125 bytes or less".
    package static let maximumControlPayload = 125
}

// MARK: - Encoding

extension FrameHeader {
    /// How many bytes the header takes on the wire.
    @inlinable
    package var encodedSize: Int {
        let lengthSize =
            switch self.payloadLength {
            case ...125: 0
            case ...0xFFFF: 2
            default: 8
            }
        return 2 + lengthSize + (self.maskingKey == nil ? 0 : 4)
    }

    /// Writes the header to memory with room for ``encodedSize`` bytes, and returns how many were written.
    @inlinable
    @discardableResult
    package func encode(to destination: UnsafeMutableRawPointer) -> Int {
        let first = self.opcode.rawValue | (self.isFinal ? 0x80 : 0) | (self.isCompressed ? 0x40 : 0)
        let maskBit: UInt8 = self.maskingKey == nil ? 0 : 0x80
        var size = 2
        destination.storeBytes(of: first, as: UInt8.self)
        switch self.payloadLength {
        case ...125:
            destination.storeBytes(of: maskBit | UInt8(self.payloadLength), toByteOffset: 1, as: UInt8.self)
        case ...0xFFFF:
            destination.storeBytes(of: maskBit | 126, toByteOffset: 1, as: UInt8.self)
            destination.storeBytes(of: UInt16(self.payloadLength).bigEndian, toByteOffset: 2, as: UInt16.self)
            size = 4
        default:
            destination.storeBytes(of: maskBit | 127, toByteOffset: 1, as: UInt8.self)
            destination.storeBytes(of: UInt64(self.payloadLength).bigEndian, toByteOffset: 2, as: UInt64.self)
            size = 10
        }
        if let key = self.maskingKey {
            destination.storeBytes(of: key.bits.littleEndian, toByteOffset: size, as: UInt32.self)
            size += 4
        }
        return size
    }
}

// MARK: - Parsing

extension FrameHeader {
    /// Reads a header from the start of some bytes; nil if they are legal so far but do not hold all of it.
    ///
    /// Each byte is judged as soon as it is there, so that a peer which sends nonsense need not be waited for.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer
    ) throws(ProtocolFailure) -> (header: FrameHeader, size: Int)? {
        guard bytes.count >= 1 else { return nil }
        let opcode = try Self.checkedOpcode(firstByte: bytes[0])
        guard bytes.count >= 2 else { return nil }
        let shortLength = bytes[1] & 0x7F
        if opcode.isControl && shortLength > Self.maximumControlPayload {
            throw .protocolError("\(opcode) frame of more than 125 bytes")
        }
        let lengthSize = shortLength < 126 ? 0 : shortLength == 126 ? 2 : 8
        let isMasked = bytes[1] & 0x80 != 0
        let size = 2 + lengthSize + (isMasked ? 4 : 0)
        guard bytes.count >= size else { return nil }
        let header = FrameHeader(
            opcode: opcode,
            isFinal: bytes[0] & 0x80 != 0,
            isCompressed: bytes[0] & 0x40 != 0,
            payloadLength: try Self.checkedLength(bytes, shortLength: shortLength),
            maskingKey: isMasked ? MaskingKey(bits: bytes.loadLittleEndian(at: size - 4, as: UInt32.self)) : nil
        )
        return (header, size)
    }

    private static func checkedOpcode(firstByte: UInt8) throws(ProtocolFailure) -> Opcode {
        guard let opcode = Opcode(rawValue: firstByte & 0x0F) else {
            throw .protocolError("reserved opcode \(firstByte & 0x0F)")
        }
        if firstByte & 0x30 != 0 {
            let bit = firstByte & 0x20 != 0 ? "RSV2" : "RSV3"
            throw .protocolError("reserved bit \(bit) set in a \(opcode) frame")
        }
        if opcode.isControl && firstByte & 0x80 == 0 {
            throw .protocolError("fragmented \(opcode) frame")
        }
        if firstByte & 0x40 != 0 && (opcode.isControl || opcode == .continuation) {
            // RFC 7692 section 6.1: only the first frame of a message carries the bit, and no control frame.
            throw .protocolError("reserved bit RSV1 set in a \(opcode) frame")
        }
        return opcode
    }

    /// Section 5.2: "the minimal number of bytes MUST be used to encode the length", and the most significant bit of
    /// the 64-bit form is 0.
    private static func checkedLength(
        _ bytes: UnsafeRawBufferPointer,
        shortLength: UInt8
    ) throws(ProtocolFailure) -> Int {
        switch shortLength {
        case ..<126:
            return Int(shortLength)
        case 126:
            let length = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
            guard length > 125 else {
                throw .protocolError("payload length \(length) encoded in 16 bits, which is not the shortest form")
            }
            return Int(length)
        default:
            let length = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard length > 0xFFFF else {
                throw .protocolError("payload length \(length) encoded in 64 bits, which is not the shortest form")
            }
            guard length <= UInt64(Int64.max) else {
                throw .protocolError("payload length \(length) has its most significant bit set")
            }
            guard let length = Int(exactly: length) else {
                throw ProtocolFailure(.messageTooBig, "frame of \(length) bytes is beyond this machine's address space")
            }
            return length
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Reads an integer whose least significant byte comes first, wherever it stands.
    @inlinable
    func loadLittleEndian<Value: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: Value.Type) -> Value {
        Value(littleEndian: self.loadUnaligned(fromByteOffset: offset, as: type))
    }
}
