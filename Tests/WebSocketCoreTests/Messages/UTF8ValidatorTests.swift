import TestSupport
import Testing
import WebSocketCore

@Suite struct UTF8ValidatorTests {
    /// The table of well-formed sequences in RFC 3629 section 4, as ranges: an implementation of another kind than the one
    /// that is tested.
    private static let wellFormed: [[ClosedRange<UInt8>]] = [
        [0x00...0x7F],
        [0xC2...0xDF, 0x80...0xBF],
        [0xE0...0xE0, 0xA0...0xBF, 0x80...0xBF],
        [0xE1...0xEC, 0x80...0xBF, 0x80...0xBF],
        [0xED...0xED, 0x80...0x9F, 0x80...0xBF],
        [0xEE...0xEF, 0x80...0xBF, 0x80...0xBF],
        [0xF0...0xF0, 0x90...0xBF, 0x80...0xBF, 0x80...0xBF],
        [0xF1...0xF3, 0x80...0xBF, 0x80...0xBF, 0x80...0xBF],
        [0xF4...0xF4, 0x80...0x8F, 0x80...0xBF, 0x80...0xBF],
    ]

    /// Where the bytes stop being the beginning of a text (nil: nowhere), and whether they end with a whole code point.
    private static func reference(_ bytes: [UInt8]) -> (bad: Int?, isComplete: Bool) {
        var start = 0
        while start < bytes.count {
            guard let row = Self.wellFormed.first(where: { $0[0].contains(bytes[start]) }) else {
                return (start, false)
            }
            for (offset, range) in row.enumerated() {
                guard start + offset < bytes.count else { return (nil, false) }
                // The rows' first bytes are disjoint, so a wrong byte here is wrong for every row.
                guard range.contains(bytes[start + offset]) else { return (start + offset, false) }
            }
            start += row.count
        }
        return (nil, true)
    }

    private static func agrees(_ bytes: [UInt8]) -> Bool {
        let expected = Self.reference(bytes)
        var validator = UTF8Validator()
        let found = bytes.withUnsafeBytes { validator.firstInvalidByte(in: $0) }
        guard found == expected.bad, found != nil || validator.isComplete == expected.isComplete else { return false }
        let alone = bytes.withUnsafeBytes { UTF8Validator.firstInvalidByte(of: $0) }
        return alone == (expected.bad ?? (expected.isComplete ? nil : bytes.count))
    }

    @Test func everySequenceOfOneAndTwoBytes() {
        for first in UInt8.min...UInt8.max {
            if !Self.agrees([first]) { Issue.record("\([first])") }
            for second in UInt8.min...UInt8.max where !Self.agrees([first, second]) {
                Issue.record("\([first, second])")
            }
        }
    }

    /// Third and fourth bytes at the bounds of every range.
    private static let bounds: [UInt8] = [
        0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xF4, 0xFF,
    ]

    @Test func everyStartOfThreeAndFourBytes() {
        for first in UInt8(0xC0)...UInt8.max {
            for second in UInt8.min...UInt8.max {
                for third in Self.bounds {
                    if !Self.agrees([first, second, third]) { Issue.record("\([first, second, third])") }
                    guard first >= 0xEF else { continue }
                    for fourth in Self.bounds where !Self.agrees([first, second, third, fourth]) {
                        Issue.record("\([first, second, third, fourth])")
                    }
                }
            }
        }
    }

    @Test func everyCodePoint() {
        // Back to back, so that every code point meets every offset of the blocks that are looked at together.
        var text = String.UnicodeScalarView()
        for value in UInt32(0)...0x10FFFF {
            if let scalar = Unicode.Scalar(value) { text.append(scalar) }
        }
        let bytes = Array(String(text).utf8)
        #expect(bytes.withUnsafeBytes { UTF8Validator.firstInvalidByte(of: $0) } == nil)
    }

    @Test func everySurrogateAndTheFirstBeyondUnicodeFail() {
        for value in UInt32(0xD800)...0xDFFF {
            let bytes = [0xE0 | UInt8(value >> 12), 0x80 | UInt8(value >> 6 & 0x3F), 0x80 | UInt8(value & 0x3F)]
            if bytes.withUnsafeBytes({ UTF8Validator.firstInvalidByte(of: $0) }) != 1 { Issue.record("\(value)") }
        }
        #expect([0xF4, 0x90, 0x80, 0x80].withUnsafeBytes { UTF8Validator.firstInvalidByte(of: $0) } != nil)
    }

    /// After Markus Kuhn's "UTF-8 decoder capability and stress test", and where each stops being UTF-8.
    @Test(
        arguments: [
            ([0x80], 0), ([0xBF], 0), ([0x80, 0xBF, 0x80], 0),
            ([0xC0, 0x20], 0), ([0xE0, 0x20], 1), ([0xF0, 0x20], 1), ([0xF8, 0x20], 0), ([0xFC, 0x20], 0),
            ([0xC0], 0), ([0xE0, 0x80], 1), ([0xF0, 0x80, 0x80], 1), ([0xFE], 0), ([0xFF], 0),
            ([0xC0, 0xAF], 0), ([0xE0, 0x80, 0xAF], 1), ([0xF0, 0x80, 0x80, 0xAF], 1),
            ([0xC1, 0xBF], 0), ([0xE0, 0x9F, 0xBF], 1), ([0xF0, 0x8F, 0xBF, 0xBF], 1),
            ([0xED, 0xA0, 0x80], 1), ([0xED, 0xBF, 0xBF], 1), ([0xF4, 0x90, 0x80, 0x80], 1),
            ([0xED, 0x9F, 0xBF], nil), ([0xEE, 0x80, 0x80], nil), ([0xEF, 0xBF, 0xBD], nil),
            ([0xEF, 0xBF, 0xBE], nil), ([0xF4, 0x8F, 0xBF, 0xBF], nil), ([0xC2, 0x80], nil), ([0xE0, 0xA0, 0x80], nil),
            ([0xF0, 0x90, 0x80, 0x80], nil),
            ([0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xCF, 0x83, 0xED, 0xA0, 0x80, 0x65], 8),
            ([0xE2, 0x82], 2), ([0xF0, 0x9F, 0x98], 3),
        ] as [([UInt8], Int?)]
    )
    func stress(_ bytes: [UInt8], _ expected: Int?) {
        #expect(bytes.withUnsafeBytes { UTF8Validator.firstInvalidByte(of: $0) } == expected)
        // The same behind enough text for the fast ways, at every offset to them.
        for before in 1...130 {
            let padded = [UInt8](repeating: 0x61, count: before) + bytes + "and more text behind".bytes
            let position = padded.withUnsafeBytes { UTF8Validator.firstInvalidByte(of: $0) }
            // What only was cut off is wrong at the text behind it.
            #expect(position == expected.map { $0 + before })
        }
    }

    @Test func anyCutGivesTheSame() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for round in 0..<300 {
            var bytes = random.text(Int.random(in: 0...120, using: &random))
            if !bytes.isEmpty && Bool.random(using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
            }
            if !Self.agrees(bytes) { Issue.record("seed \(seed), round \(round)") }
            let expected = Self.reference(bytes)
            for cut in 0...bytes.count {
                var validator = UTF8Validator()
                var found = bytes[..<cut].withUnsafeBytes { validator.firstInvalidByte(in: $0) }
                if found == nil {
                    found = bytes[cut...].withUnsafeBytes { validator.firstInvalidByte(in: $0) }.map { $0 + cut }
                }
                if found != expected.bad { Issue.record("seed \(seed), round \(round), cut at \(cut)") }
                if found == nil && validator.isComplete != expected.isComplete {
                    Issue.record("seed \(seed), \(round)")
                }
            }
        }
    }

    @Test func nothingIsCompleteText() {
        var validator = UTF8Validator()
        #expect(validator.firstInvalidByte(in: UnsafeRawBufferPointer(start: nil, count: 0)) == nil)
        #expect(validator.isComplete)
    }
}
