/// SplitMix64: random numbers that a printed seed brings back.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) {
        self.state = seed
    }

    package mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    package mutating func bytes(_ count: Int) -> [UInt8] {
        let words = (0..<(count + 7) / 8).map { _ in self.next() }
        return words.withUnsafeBytes { Array($0.prefix(count)) }
    }

    /// Valid UTF-8 of code points of all lengths.
    package mutating func text(_ codePoints: Int) -> [UInt8] {
        var scalars = String.UnicodeScalarView()
        for _ in 0..<codePoints {
            let range: ClosedRange<UInt32> =
                switch self.next() % 8 {
                case 0: 0x80...0x7FF
                case 1: 0x800...0xFFFF
                case 2: 0x10000...0x10FFFF
                default: 0x20...0x7E
                }
            scalars.append(Unicode.Scalar(UInt32.random(in: range, using: &self)) ?? "\u{FFFD}")
        }
        return Array(String(scalars).utf8)
    }
}
