/// Tells whether bytes that come in pieces are UTF-8 (RFC 3629), and fails at the first byte that no valid text can have
/// there: an overlong form, a surrogate and a number beyond U+10FFFF are known by their second byte.
///
/// RFC 6455 section 8.1 has a connection fail over such a byte; failing at once, in the middle of a frame, is what its
/// test suites call strict.
///
/// Sixteen bytes at a time are looked at together (`skipValidBlocks`). What is left over, and what is wrong, goes through an
/// automaton of nine states whose transitions on one byte are packed into one 64-bit word, six bits for each state: a step is a
/// shift, and its cost does not depend on the text.
package struct UTF8Validator: Hashable, Sendable {
    /// A state of the automaton, held as the shift that finds its transition.
    private enum State {
        /// Between code points.
        static let accept: UInt64 = 0
        /// Nothing that follows can mend it.
        static let reject: UInt64 = 6
        /// One, two or three bytes of 80...BF are missing.
        static let needsOne: UInt64 = 12
        static let needsTwo: UInt64 = 18
        static let needsThree: UInt64 = 24
        /// After E0, whose next byte below A0 would make an overlong form.
        static let afterE0: UInt64 = 30
        /// After ED, whose next byte above 9F would make a surrogate.
        static let afterED: UInt64 = 36
        /// After F0, whose next byte below 90 would make an overlong form.
        static let afterF0: UInt64 = 42
        /// After F4, whose next byte above 8F would go beyond U+10FFFF.
        static let afterF4: UInt64 = 48
    }

    private var state = State.accept

    package init() {}

    /// Whether the bytes so far end with a whole code point.
    package var isComplete: Bool { self.state == State.accept }

    /// Where some bytes, as a text of their own, stop being UTF-8; nil if nowhere. It is their count where the last
    /// code point is not complete.
    package static func firstInvalidByte(of bytes: UnsafeRawBufferPointer) -> Int? {
        if Self.isASCII(bytes) { return nil }
        var validator = UTF8Validator()
        return validator.firstInvalidByte(in: bytes) ?? (validator.isComplete ? nil : bytes.count)
    }

    /// Takes the next piece, and returns where in it the text stops being UTF-8; nil if it has not so far.
    ///
    /// After a failure the validator is of no more use.
    package mutating func firstInvalidByte(in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        return Self.transitions.withUnsafeBufferPointer { transitions in
            guard let table = transitions.baseAddress else { return nil }
            return self.run(table, over: base, count: bytes.count)
        }
    }

    private mutating func run(
        _ table: UnsafePointer<UInt64>,
        over base: UnsafeRawPointer,
        count: Int
    ) -> Int? {
        var position = 0
        while count &- position >= 16 {
            if self.state == State.accept {
                position =
                    position < 3
                    ? Self.skipASCII(base, from: position, to: count)
                    : Self.skipValidBlocks(base, from: position, to: count)
                guard count &- position >= 16 else { break }
            }
            var state = self.state
            for offset in position..<position &+ 16 {
                state = table[Int(base.load(fromByteOffset: offset, as: UInt8.self))] &>> state
            }
            state &= 63
            // A rejected text stays rejected, so looking once for 16 bytes is enough; where it was is found below.
            guard state != State.reject else { break }
            self.state = state
            position &+= 16
        }
        while position < count {
            self.state = table[Int(base.load(fromByteOffset: position, as: UInt8.self))] &>> self.state & 63
            if self.state == State.reject { return position }
            position &+= 1
        }
        return nil
    }

    // MARK: ASCII

    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// Skips blocks of 16 bytes that are all ASCII.
    private static func skipASCII(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var position = start
        while end &- position >= 64 {
            let block = base.loadUnaligned(fromByteOffset: position, as: SIMD8<UInt64>.self)
            let folded = block.lowHalf | block.highHalf
            guard (folded[0] | folded[1] | folded[2] | folded[3]) & Self.highBits == 0 else { break }
            position &+= 64
        }
        while end &- position >= 16 {
            let block = base.loadUnaligned(fromByteOffset: position, as: SIMD2<UInt64>.self)
            guard (block[0] | block[1]) & Self.highBits == 0 else { break }
            position &+= 16
        }
        return position
    }

    /// Looks at all of it before it decides: most messages are short and most are ASCII.
    private static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        let count = bytes.count
        guard count >= 16 else { return !bytes.contains { $0 >= 0x80 } }
        // The last 16 bytes overlap those before them: cheaper than up to 15 single ones.
        var seen = base.loadUnaligned(fromByteOffset: count &- 16, as: SIMD2<UInt64>.self)
        var position = 0
        while count &- position >= 64 {
            let block = base.loadUnaligned(fromByteOffset: position, as: SIMD8<UInt64>.self)
            let folded = block.lowHalf | block.highHalf
            seen |= folded.lowHalf | folded.highHalf
            position &+= 64
        }
        while count &- position >= 16 {
            seen |= base.loadUnaligned(fromByteOffset: position, as: SIMD2<UInt64>.self)
            position &+= 16
        }
        return (seen[0] | seen[1]) & Self.highBits == 0
    }

    // MARK: The automaton

    /// For each byte, the next state of each state.
    private static let transitions: [UInt64] = (0...0xFF).map { byte in
        let states = [
            State.accept, State.reject, State.needsOne, State.needsTwo, State.needsThree,
            State.afterE0, State.afterED, State.afterF0, State.afterF4,
        ]
        return states.reduce(0) { $0 | Self.next(after: $1, byte: UInt8(byte)) << $1 }
    }

    /// The table of RFC 3629 section 4.
    private static func next(after state: UInt64, byte: UInt8) -> UInt64 {
        switch (state, byte) {
        case (State.accept, ..<0x80): State.accept
        case (State.accept, 0xC2...0xDF): State.needsOne
        case (State.accept, 0xE0): State.afterE0
        case (State.accept, 0xED): State.afterED
        case (State.accept, 0xE1...0xEF): State.needsTwo
        case (State.accept, 0xF0): State.afterF0
        case (State.accept, 0xF1...0xF3): State.needsThree
        case (State.accept, 0xF4): State.afterF4
        case (State.needsOne, 0x80...0xBF): State.accept
        case (State.needsTwo, 0x80...0xBF): State.needsOne
        case (State.needsThree, 0x80...0xBF): State.needsTwo
        case (State.afterE0, 0xA0...0xBF): State.needsOne
        case (State.afterED, 0x80...0x9F): State.needsOne
        case (State.afterF0, 0x90...0xBF): State.needsTwo
        case (State.afterF4, 0x80...0x8F): State.needsTwo
        default: State.reject
        }
    }
}
