public import WebSocketCore

extension ScriptedServer {
    /// A WebSocket frame (RFC 6455 section 5.2), right or wrong: nothing is checked when one is sent.
    public struct Frame: Sendable, Hashable {
        /// An opcode. The set is open, so that reserved ones can be sent.
        public struct Opcode: RawRepresentable, Sendable, Hashable {
            /// The four bits.
            public var rawValue: UInt8

            /// Wraps a number; its upper four bits are not sent.
            public init(rawValue: UInt8) {
                self.rawValue = rawValue
            }

            /// 0: a further fragment of a message.
            public static let continuation = Opcode(rawValue: 0x0)
            /// 1: a text message or its first fragment.
            public static let text = Opcode(rawValue: 0x1)
            /// 2: a binary message or its first fragment.
            public static let binary = Opcode(rawValue: 0x2)
            /// 8: Close.
            public static let close = Opcode(rawValue: 0x8)
            /// 9: ping.
            public static let ping = Opcode(rawValue: 0x9)
            /// 10: pong.
            public static let pong = Opcode(rawValue: 0xA)
        }

        /// How the length of the payload is written.
        public enum LengthForm: Sendable, Hashable {
            /// In as few bytes as possible, as RFC 6455 demands.
            case shortest
            /// In two bytes after the marker 126, whether needed or not.
            case sixteenBits
            /// In eight bytes after the marker 127, whether needed or not.
            case sixtyFourBits
        }

        /// What the payload is.
        public var opcode: Opcode
        /// FIN: whether this is a message's last fragment.
        public var isFinal: Bool
        /// RSV1 to RSV3 as a number from 0 to 7; RSV1, which marks a compressed message, is 4.
        public var reservedBits: UInt8
        /// The payload, not masked.
        public var payload: [UInt8]
        /// The four bytes of the masking key; nil for a frame without a mask, as a server's must be.
        public var maskingKey: [UInt8]?
        /// How the length is written. Default: ``LengthForm/shortest``.
        public var lengthForm: LengthForm
        /// A length to write in place of the payload's, for a frame that lies or that is never sent whole.
        public var declaredLength: UInt64?

        /// Makes a frame.
        public init(
            _ opcode: Opcode,
            _ payload: [UInt8] = [],
            isFinal: Bool = true,
            reservedBits: UInt8 = 0,
            maskingKey: [UInt8]? = nil,
            lengthForm: LengthForm = .shortest,
            declaredLength: UInt64? = nil
        ) {
            self.opcode = opcode
            self.isFinal = isFinal
            self.reservedBits = reservedBits
            self.payload = payload
            self.maskingKey = maskingKey
            self.lengthForm = lengthForm
            self.declaredLength = declaredLength
        }

        /// A text message in one frame.
        public static func text(_ text: String) -> Frame { Frame(.text, Array(text.utf8)) }

        /// A binary message in one frame.
        public static func binary(_ bytes: [UInt8]) -> Frame { Frame(.binary, bytes) }

        /// A Close frame with a code and a reason.
        public static func close(_ code: WebSocketCloseCode, reason: String = "") -> Frame {
            Frame(.close, [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)] + reason.utf8)
        }
    }
}

extension ScriptedServer.Frame {
    /// The bytes on the wire.
    public var encoded: [UInt8] {
        let length = self.declaredLength ?? UInt64(self.payload.count)
        var bytes = [(self.isFinal ? 0x80 : 0) | (self.reservedBits & 0x7) << 4 | self.opcode.rawValue & 0x0F]
        let maskBit: UInt8 = self.maskingKey == nil ? 0 : 0x80
        switch (self.lengthForm, length) {
        case (.shortest, ..<126):
            bytes.append(maskBit | UInt8(length))
        case (.shortest, ..<65_536), (.sixteenBits, _):
            bytes.append(maskBit | 126)
            bytes += Self.bigEndian(length, count: 2)
        case (.shortest, _), (.sixtyFourBits, _):
            bytes.append(maskBit | 127)
            bytes += Self.bigEndian(length, count: 8)
        }
        if let maskingKey { bytes += maskingKey.prefix(4) }
        bytes += Self.masked(self.payload, with: self.maskingKey)
        return bytes
    }

    private static func bigEndian(_ number: UInt64, count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
    }

    static func masked(_ payload: [UInt8], with key: [UInt8]?) -> [UInt8] {
        guard let key, key.count == 4 else { return payload }
        var result = payload
        for index in result.indices { result[index] ^= key[index & 3] }
        return result
    }

    /// The first frame of the bytes and how many of them it takes; nil if it is not whole yet.
    package static func parse(_ bytes: ArraySlice<UInt8>) -> (frame: Self, count: Int)? {
        let start = bytes.startIndex
        guard bytes.count >= 2 else { return nil }
        let marker = bytes[start + 1] & 0x7F
        let lengthBytes = marker == 126 ? 2 : marker == 127 ? 8 : 0
        let isMasked = bytes[start + 1] & 0x80 != 0
        let headerCount = 2 + lengthBytes + (isMasked ? 4 : 0)
        guard bytes.count >= headerCount else { return nil }
        let written = bytes[(start + 2)..<(start + 2 + lengthBytes)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let length = lengthBytes == 0 ? UInt64(marker) : written
        guard UInt64(bytes.count - headerCount) >= length else { return nil }
        let key = isMasked ? Array(bytes[(start + headerCount - 4)..<(start + headerCount)]) : nil
        let end = start + headerCount + Int(length)
        let frame = Self(
            Opcode(rawValue: bytes[start] & 0x0F),
            Self.masked(Array(bytes[(start + headerCount)..<end]), with: key),
            isFinal: bytes[start] & 0x80 != 0,
            reservedBits: bytes[start] >> 4 & 0x7,
            maskingKey: key,
            lengthForm: Self.form(marker: marker, length: length)
        )
        return (frame, end - start)
    }

    private static func form(marker: UInt8, length: UInt64) -> LengthForm {
        switch (marker, length) {
        case (126, ..<126): .sixteenBits
        case (127, ..<65_536): .sixtyFourBits
        default: .shortest
        }
    }
}
