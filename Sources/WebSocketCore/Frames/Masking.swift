/// The four bytes that a client's frame is masked with (RFC 6455 section 5.3).
package struct MaskingKey: Hashable, Sendable {
    /// The key as a number, its first byte on the wire being the least significant.
    package var bits: UInt32

    @inlinable
    package init(bits: UInt32) {
        self.bits = bits
    }

    /// The key for a payload's bytes from `offset` on.
    @inlinable
    package func advanced(by offset: Int) -> MaskingKey {
        let shift = UInt32(truncatingIfNeeded: offset & 3) * 8
        return MaskingKey(bits: self.bits >> shift | self.bits << ((32 - shift) & 31))
    }
}

/// Masking, which is its own reverse: byte i of the payload is combined with byte i mod 4 of the key by exclusive or.
///
/// 64 bytes go in one step, for which the compiler uses the vector registers that the target has.
package enum Masking {
    /// Writes `source` masked to `destination`, which has room for it and does not overlap it, unless it is the same.
    ///
    /// - Parameter offset: where in the payload `source` begins, when a payload is masked in pieces.
    @inlinable
    package static func copy(
        _ source: UnsafeRawBufferPointer,
        to destination: UnsafeMutableRawPointer,
        key: MaskingKey,
        offset: Int = 0
    ) {
        guard let from = source.baseAddress else { return }
        let bits = key.advanced(by: offset).bits
        Self.apply(UInt64(bits) | UInt64(bits) << 32, from: from, to: destination, count: source.count)
    }

    /// Masks or unmasks some bytes where they are.
    @inlinable
    package static func apply(_ key: MaskingKey, to bytes: UnsafeMutableRawBufferPointer, offset: Int = 0) {
        guard let base = bytes.baseAddress else { return }
        Self.copy(UnsafeRawBufferPointer(bytes), to: base, key: key, offset: offset)
    }

    @usableFromInline
    static func apply(
        _ pattern: UInt64,
        from source: UnsafeRawPointer,
        to destination: UnsafeMutableRawPointer,
        count: Int
    ) {
        guard count >= 16 else { return Self.applyToFew(pattern, from: source, to: destination, count: count) }
        // In memory order, whatever the order of the machine.
        let wide = SIMD8<UInt64>(repeating: pattern.littleEndian)
        let narrow = SIMD2<UInt64>(repeating: pattern.littleEndian)
        // The last 16 bytes, which overlap those before them, are read now: in place, they would be read masked later.
        let shift = UInt64(truncatingIfNeeded: count & 3) &* 8
        let rotated = (pattern &>> shift | pattern &<< (64 &- shift)).littleEndian
        let last =
            source.loadUnaligned(fromByteOffset: count &- 16, as: SIMD2<UInt64>.self) ^ SIMD2(repeating: rotated)
        var done = 0
        while count &- done >= 64 {
            let block = source.loadUnaligned(fromByteOffset: done, as: SIMD8<UInt64>.self)
            destination.storeBytes(of: block ^ wide, toByteOffset: done, as: SIMD8<UInt64>.self)
            done &+= 64
        }
        while count &- done >= 16 {
            let block = source.loadUnaligned(fromByteOffset: done, as: SIMD2<UInt64>.self)
            destination.storeBytes(of: block ^ narrow, toByteOffset: done, as: SIMD2<UInt64>.self)
            done &+= 16
        }
        destination.storeBytes(of: last, toByteOffset: count &- 16, as: SIMD2<UInt64>.self)
    }

    private static func applyToFew(
        _ pattern: UInt64,
        from source: UnsafeRawPointer,
        to destination: UnsafeMutableRawPointer,
        count: Int
    ) {
        var done = 0
        if count >= 8 {
            let word = source.loadUnaligned(as: UInt64.self)
            destination.storeBytes(of: word ^ pattern.littleEndian, as: UInt64.self)
            done = 8
        }
        if count &- done >= 4 {
            let word = source.loadUnaligned(fromByteOffset: done, as: UInt32.self)
            let half = UInt32(truncatingIfNeeded: pattern).littleEndian
            destination.storeBytes(of: word ^ half, toByteOffset: done, as: UInt32.self)
            done &+= 4
        }
        var rest = pattern
        while done < count {
            let byte = source.load(fromByteOffset: done, as: UInt8.self)
            destination.storeBytes(of: byte ^ UInt8(truncatingIfNeeded: rest), toByteOffset: done, as: UInt8.self)
            rest &>>= 8
            done &+= 1
        }
    }
}
