// Text that is not all ASCII, sixteen bytes at a time: the same rules as the automaton's, as comparisons of each byte with
// the three before it. An automaton waits for one byte's state before it looks at the next; here nothing waits.
extension UTF8Validator {
    /// Looks at blocks of 16 bytes from a position between two code points, and stops at the first that is wrong, or when
    /// less than a block is left.
    ///
    /// - Precondition: the bytes before the position are valid, and at least three of them are at hand.
    /// - Returns: a position between two code points, up to which all is valid; not necessarily the last such one.
    static func skipValidBlocks(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var position = start
        while end &- position >= 16 {
            let block = base.loadUnaligned(fromByteOffset: position, as: SIMD16<UInt8>.self)
            let before = base.loadUnaligned(fromByteOffset: position &- 1, as: SIMD16<UInt8>.self)
            let isASCII = Self.isZero((block | before) & SIMD16(repeating: 0x80))
            // The byte before is looked at as well: an ASCII block must not follow an open sequence. One that is longer has
            // its second or third byte there.
            if !isASCII, Self.hasError(block, before, base, position) { break }
            position &+= 16
        }
        return Self.boundary(base, at: position)
    }

    /// Back to the beginning of a code point that `position` is in the middle of.
    private static func boundary(_ base: UnsafeRawPointer, at position: Int) -> Int {
        let last = base.load(fromByteOffset: position &- 1, as: UInt8.self)
        if last < 0x80 { return position }
        if last >= 0xC0 { return position &- 1 }
        let second = base.load(fromByteOffset: position &- 2, as: UInt8.self)
        if second >= 0xC0 { return second >= 0xE0 ? position &- 2 : position }
        let third = base.load(fromByteOffset: position &- 3, as: UInt8.self)
        return third >= 0xF0 ? position &- 3 : position
    }

    @inline(__always)
    private static func hasError(
        _ block: SIMD16<UInt8>,
        _ before: SIMD16<UInt8>,
        _ base: UnsafeRawPointer,
        _ position: Int
    ) -> Bool {
        let second = base.loadUnaligned(fromByteOffset: position &- 2, as: SIMD16<UInt8>.self)
        let third = base.loadUnaligned(fromByteOffset: position &- 3, as: SIMD16<UInt8>.self)
        // Each is all ones where it holds. A byte continues a sequence exactly where one of those before it asks for that.
        let continues = Self.ones(block .< Self.all(0xC0)) & Self.ones(block .>= Self.all(0x80))
        let isExpected =
            Self.ones(before .>= Self.all(0xC0)) | Self.ones(second .>= Self.all(0xE0))
            | Self.ones(third .>= Self.all(0xF0))
        var wrong = continues ^ isExpected
        // Overlong forms of two bytes, and what is beyond U+10FFFF by its first byte.
        wrong |=
            Self.ones(block .>= Self.all(0xF5))
            | (Self.ones(block .>= Self.all(0xC0)) & Self.ones(block .< Self.all(0xC2)))
        // Second bytes of which the first forbids some: overlong forms, surrogates, and again beyond U+10FFFF.
        wrong |= Self.ones(before .== Self.all(0xE0)) & Self.ones(block .< Self.all(0xA0))
        wrong |= Self.ones(before .== Self.all(0xED)) & Self.ones(block .>= Self.all(0xA0))
        wrong |= Self.ones(before .== Self.all(0xF0)) & Self.ones(block .< Self.all(0x90))
        wrong |= Self.ones(before .== Self.all(0xF4)) & Self.ones(block .>= Self.all(0x90))
        return !Self.isZero(wrong)
    }

    @inline(__always)
    private static func all(_ byte: UInt8) -> SIMD16<UInt8> { SIMD16(repeating: byte) }

    /// What a mask is made of. The standard library's own ways to get it, and its comparisons with a single byte, go through
    /// the elements one by one.
    @inline(__always)
    private static func ones(_ mask: SIMDMask<SIMD16<Int8>>) -> SIMD16<UInt8> {
        unsafeBitCast(mask, to: SIMD16<UInt8>.self)
    }

    @inline(__always)
    private static func isZero(_ bytes: SIMD16<UInt8>) -> Bool {
        let words = unsafeBitCast(bytes, to: SIMD2<UInt64>.self)
        return words[0] | words[1] == 0
    }
}
