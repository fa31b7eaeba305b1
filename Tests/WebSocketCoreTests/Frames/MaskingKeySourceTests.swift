import Testing
import WebSocketCore

@Suite struct MaskingKeySourceTests {
    @Test func keysDoNotRepeat() {
        var source = MaskingKeySource()
        let keys = (0..<1000).map { _ in source.next().bits }
        // A thousand of four billion: three equal pairs come once in 10^12 runs.
        #expect(Set(keys).count >= 998)
        // Each bit is set in about half of the keys; beyond ten standard deviations something is wrong.
        for bit in 0..<32 {
            let ones = keys.count { $0 >> bit & 1 == 1 }
            #expect((340...660).contains(ones), "bit \(bit) is set in \(ones) of 1000 keys")
        }
    }

    @Test func twoSourcesDiffer() {
        var first = MaskingKeySource()
        var second = MaskingKeySource()
        let pairs = (0..<4).map { _ in (first.next(), second.next()) }
        #expect(!pairs.allSatisfy { $0 == $1 })
    }

    @Test func chosenKeysComeInTurn() {
        let keys = [1, 2, 3].map { MaskingKey(bits: $0) }
        var source = MaskingKeySource(repeating: keys)
        #expect((0..<7).map { _ in source.next().bits } == [1, 2, 3, 1, 2, 3, 1])
    }
}
