/// Tells whether bytes that come in pieces are UTF-8 (RFC 3629), and fails at the first byte that no valid text can have
/// there: an overlong form, a surrogate and a number beyond U+10FFFF are known by their second byte.
///
/// RFC 6455 section 8.1 has a connection fail over such a byte; failing at once, in the middle of a frame, is what its
/// test suites call strict.
package struct UTF8Validator: Hashable, Sendable {
    /// How many bytes the code point that has begun still needs.
    private var missing: UInt8 = 0

    /// What the next of them may be. Only the second byte of a code point is ever narrower than 80...BF.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    package init() {}

    /// Whether the bytes so far end with a whole code point.
    package var isComplete: Bool { self.missing == 0 }

    /// Where some bytes, as a text of their own, stop being UTF-8; nil if nowhere. It is their count where the last
    /// code point is not complete.
    package static func firstInvalidByte(of bytes: UnsafeRawBufferPointer) -> Int? {
        var validator = UTF8Validator()
        return validator.firstInvalidByte(in: bytes) ?? (validator.isComplete ? nil : bytes.count)
    }

    /// Takes the next piece, and returns where in it the text stops being UTF-8; nil if it has not so far.
    ///
    /// After a failure the validator is of no more use.
    package mutating func firstInvalidByte(in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let count = bytes.count
        var position = 0
        while position < count {
            if self.missing == 0 {
                position = Self.skipWholeCodePoints(base, from: position, to: count)
                guard position < count else { break }
                guard self.begin(base.load(fromByteOffset: position, as: UInt8.self)) else { return position }
            } else {
                let byte = base.load(fromByteOffset: position, as: UInt8.self)
                guard byte >= self.lowest && byte <= self.highest else { return position }
                self.missing -= 1
                self.lowest = 0x80
                self.highest = 0xBF
            }
            position += 1
        }
        return nil
    }

    /// Takes the first byte of a code point; false if it cannot be one.
    private mutating func begin(_ byte: UInt8) -> Bool {
        switch byte {
        case ..<0x80: break
        case 0xC2...0xDF: self.missing = 1
        case 0xE0...0xEF:
            self.missing = 2
            if byte == 0xE0 { self.lowest = 0xA0 }  // below: overlong
            if byte == 0xED { self.highest = 0x9F }  // above: surrogates
        case 0xF0...0xF4:
            self.missing = 3
            if byte == 0xF0 { self.lowest = 0x90 }  // below: overlong
            if byte == 0xF4 { self.highest = 0x8F }  // above: beyond U+10FFFF
        default: return false
        }
        return true
    }

    /// Goes over what is valid without doubt, as fast as can be, and stops at the start of a code point: at the end, at
    /// one that is cut off, or at one that may be wrong.
    private static func skipWholeCodePoints(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var position = Self.skipASCII(base, from: start, to: end)
        while end &- position >= 4 {
            let word = UInt32(littleEndian: base.loadUnaligned(fromByteOffset: position, as: UInt32.self))
            if word & 0xC0E0 == 0x80C0 && word & 0x1E != 0 {
                // 110xxxxx 10xxxxxx, and not C0 or C1.
                position &+= 2
            } else if word & 0xC0_C0F0 == 0x80_80E0 && word & 0x200F != 0 && word & 0x200F != 0x200D {
                // 1110xxxx 10xxxxxx 10xxxxxx, and neither E0 80...9F (overlong) nor ED A0...BF (surrogates).
                position &+= 3
            } else if word & 0x80 == 0 {
                let after = Self.skipASCII(base, from: position, to: end)
                guard after > position else { break }
                position = after
            } else if word & 0xC0C0_C0F8 == 0x8080_80F0 && Self.isInFourByteRange(word) {
                position &+= 4
            } else {
                break
            }
        }
        return position
    }

    /// F0 90 to F4 8F.
    private static func isInFourByteRange(_ word: UInt32) -> Bool {
        let firstTwo = (word & 0xFF) << 8 | (word >> 8) & 0xFF
        return firstTwo >= 0xF090 && firstTwo <= 0xF48F
    }

    /// Skips bytes below 80, 32 or 8 in a step.
    private static func skipASCII(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        let high: UInt64 = 0x8080_8080_8080_8080
        var position = start
        while end &- position >= 32 {
            let block = base.loadUnaligned(fromByteOffset: position, as: SIMD4<UInt64>.self)
            guard (block[0] | block[1] | block[2] | block[3]) & high == 0 else { break }
            position &+= 32
        }
        while end &- position >= 8 {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: position, as: UInt64.self)) & high
            guard word == 0 else { return position &+ word.trailingZeroBitCount >> 3 }
            position &+= 8
        }
        while position < end, base.load(fromByteOffset: position, as: UInt8.self) < 0x80 { position &+= 1 }
        return position
    }
}
