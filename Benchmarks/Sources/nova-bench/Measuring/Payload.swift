/// What the contestants send.
enum Payload {
    /// - Parameters:
    ///   - isText: UTF-8, with a character of 2 to 4 bytes every sixteen.
    ///   - isCompressed: text that is like what services send, and deflates to about a third; it is ASCII.
    static func bytes(_ size: Int, isText: Bool, isCompressed: Bool) -> [UInt8] {
        if isCompressed { return self.json(size) }
        if isText { return self.text(size) }
        return [UInt8](repeating: UInt8(ascii: "x"), count: size)
    }

    /// Text of exactly so many bytes, so that no character is cut at its end.
    private static func text(_ size: Int) -> [UInt8] {
        let wide: [[UInt8]] = [Array("é".utf8), Array("€".utf8), Array("😀".utf8)]
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        var characters = 0
        while bytes.count < size {
            characters += 1
            let character = wide[characters / 16 % wide.count]
            if characters % 16 == 0, bytes.count + character.count <= size {
                bytes += character
            } else {
                bytes.append(UInt8(ascii: "a") + UInt8(characters % 26))
            }
        }
        return bytes
    }

    /// Records with names that repeat and numbers that do not.
    private static func json(_ size: Int) -> [UInt8] {
        var state: UInt64 = 42
        func next(below bound: UInt64) -> UInt64 {
            // An xorshift (Marsaglia 2003): the same numbers in every run.
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state % bound
        }
        let sides = ["buy", "sell"]
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size + 160)
        while bytes.count < size {
            let order = String(next(below: 1 << 48), radix: 16)
            let time = 1_590_484_100_000 + next(below: 900_000)
            let record =
                "{\"id\":\(next(below: 1_000_000_000_000)),\"order\":\"\(order)\",\"time\":\(time),"
                + "\"price\":\(8000 + next(below: 2000)).\(next(below: 10)),\"amount\":\(next(below: 100_000)),"
                + "\"side\":\"\(sides[Int(next(below: 2))])\",\"index\":\(8000 + next(below: 2000)).\(10 + next(below: 90))},"
            bytes += record.utf8
        }
        bytes.removeLast(bytes.count - size)
        return bytes
    }
}
