import TestSupport
import Testing
import WebSocketCore

@Suite struct MaskingTests {
    private let key: [UInt8] = [0x9A, 0x01, 0xFF, 0x37]
    private var maskingKey: MaskingKey { MaskingKey(bits: 0x37FF_019A) }

    /// RFC 6455 section 5.3 to the letter.
    private func reference(_ bytes: [UInt8], offset: Int = 0) -> [UInt8] {
        bytes.enumerated().map { $1 ^ self.key[($0 + offset) % 4] }
    }

    @Test func theExampleOfTheRFC() {
        // Section 5.7: "Hello" masked with 37 fa 21 3d.
        var bytes = "Hello".bytes
        bytes.withUnsafeMutableBytes { Masking.apply(MaskingKey(bits: 0x3D21_FA37), to: $0) }
        #expect(bytes == [0x7F, 0x9F, 0x4D, 0x51, 0x58])
    }

    @Test func everyLengthAtEveryAlignment() {
        var random = SeededGenerator(seed: 1)
        let source = random.bytes(400)
        for count in 0...300 {
            let expected = self.reference(Array(source[..<count]))
            for alignment in 0..<8 {
                // Bytes around the destination must stay as they are.
                var copied = [UInt8](repeating: 0xEE, count: count + 16)
                source.withUnsafeBytes { from in
                    copied.withUnsafeMutableBytes { to in
                        guard let base = to.baseAddress else { return }
                        Masking.copy(
                            UnsafeRawBufferPointer(rebasing: from[..<count]),
                            to: base + alignment,
                            key: self.maskingKey
                        )
                    }
                }
                var wanted = [UInt8](repeating: 0xEE, count: count + 16)
                wanted.replaceSubrange(alignment..<alignment + count, with: expected)
                if copied != wanted { Issue.record("copy of \(count) bytes to alignment \(alignment)") }

                var inPlace = [UInt8](repeating: 0xEE, count: count + 16)
                inPlace.replaceSubrange(alignment..<alignment + count, with: source[..<count])
                inPlace.withUnsafeMutableBytes {
                    let target = UnsafeMutableRawBufferPointer(rebasing: $0[alignment..<alignment + count])
                    Masking.apply(self.maskingKey, to: target)
                }
                if inPlace != wanted { Issue.record("in place, \(count) bytes at alignment \(alignment)") }
            }
        }
    }

    @Test func piecesContinueWhereTheLastEnded() {
        var random = SeededGenerator(seed: 2)
        let source = random.bytes(200)
        let expected = self.reference(source)
        for cut in 0...source.count {
            var masked = source
            masked.withUnsafeMutableBytes {
                Masking.apply(self.maskingKey, to: UnsafeMutableRawBufferPointer(rebasing: $0[..<cut]))
                Masking.apply(self.maskingKey, to: UnsafeMutableRawBufferPointer(rebasing: $0[cut...]), offset: cut)
            }
            if masked != expected { Issue.record("cut at \(cut)") }
        }
    }

    @Test func aKeyAdvancesByItsBytes() {
        #expect(self.maskingKey.advanced(by: 0) == self.maskingKey)
        #expect(self.maskingKey.advanced(by: 1).bits == 0x9A37_FF01)
        #expect(self.maskingKey.advanced(by: 7).bits == self.maskingKey.advanced(by: 3).bits)
    }
}
