import Testing
import WebSocketCore

@Suite struct InflaterTests {
    static let hello = Array("Hello".utf8)

    // MARK: RFC 7692 section 7.2.3

    @Test(
        arguments: [
            // 7.2.3.1: a fixed-Huffman block, as one frame.
            [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
            // 7.2.3.3: a block without compression.
            [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            // 7.2.3.4: BFINAL set, and the zero byte that makes it like the others.
            [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            // The same, from a sender that leaves the zero byte away.
            [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
            // 7.2.3.5: two blocks, the first flushed.
            [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        ] as [[UInt8]]
    )
    func inflatesTheExamplesOfTheRFC(payload: [UInt8]) throws {
        for pieces in [Int.max, 1, 3] {
            var inflater = Inflater(windowBits: 15, contextTakeover: true)
            // Twice: the first message must leave the stream where the second can begin.
            #expect(try DeflateReference.inflate(payload, with: &inflater, pieces: pieces) == Self.hello)
            #expect(try DeflateReference.inflate(payload, with: &inflater, pieces: pieces) == Self.hello)
        }
    }

    @Test func sharesTheWindowBetweenMessages() throws {
        // 7.2.3.2
        var inflater = Inflater(windowBits: 15, contextTakeover: true)
        let first: [UInt8] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]
        let second: [UInt8] = [0xf2, 0x00, 0x11, 0x00, 0x00]
        #expect(try DeflateReference.inflate(first, with: &inflater) == Self.hello)
        #expect(try DeflateReference.inflate(second, with: &inflater) == Self.hello)
    }

    @Test func keepsTheWindowBeyondAFinalBlock() throws {
        for first in [[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]] {
            var inflater = Inflater(windowBits: 15, contextTakeover: true)
            #expect(try DeflateReference.inflate(first.map(UInt8.init), with: &inflater) == Self.hello)
            #expect(try DeflateReference.inflate([0xf2, 0x00, 0x11, 0x00, 0x00], with: &inflater) == Self.hello)
        }
    }

    @Test func forgetsTheWindowWithoutContextTakeover() throws {
        var inflater = Inflater(windowBits: 15, contextTakeover: false)
        #expect(
            try DeflateReference.inflate([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], with: &inflater) == Self.hello
        )
        #expect(throws: InflateError.corrupt) {
            try DeflateReference.inflate([0xf2, 0x00, 0x11, 0x00, 0x00], with: &inflater)
        }
    }

    @Test(arguments: [[0x00], []] as [[UInt8]])
    func inflatesAnEmptyMessage(payload: [UInt8]) throws {
        // 7.2.3.6, and the form of senders that send nothing at all.
        var inflater = Inflater(windowBits: 15, contextTakeover: true)
        #expect(try DeflateReference.inflate(payload, with: &inflater) == [])
        #expect(
            try DeflateReference.inflate([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], with: &inflater) == Self.hello
        )
        #expect(try DeflateReference.inflate(payload, with: &inflater) == [])
        #expect(try DeflateReference.inflate([0xf2, 0x00, 0x11, 0x00, 0x00], with: &inflater) == Self.hello)
    }

    @Test func goesOnBehindAFinalBlockWithinAMessage() throws {
        var inflater = Inflater(windowBits: 15, contextTakeover: true)
        // A final block, another that refers to the first's data through the window, then the usual end.
        let payload: [UInt8] = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0xf2, 0x00, 0x11, 0x00, 0x00]
        #expect(try DeflateReference.inflate(payload, with: &inflater) == Self.hello + Self.hello)
    }

    // MARK: Bad input

    @Test(
        arguments: [
            // A block of type 3.
            [0x07],
            // A stored block whose length and complement differ.
            [0x00, 0x05, 0x00, 0xfa, 0xfe, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            // A distance further back than the stream's beginning.
            [0xf2, 0x00, 0x11, 0x00, 0x00],
            // Cut within a fixed block, which the tail then continues as data.
            [0xf2, 0x48, 0xcd],
            // Cut within a stored block; the tail has just the length that is missing.
            [0x00, 0x04, 0x00, 0xfb, 0xff],
            // The whole of a sync flush: the tail should have been left away.
            [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff],
        ] as [[UInt8]]
    )
    func refusesWhatIsNoDeflate(payload: [UInt8]) {
        for pieces in [Int.max, 1] {
            var inflater = Inflater(windowBits: 15, contextTakeover: true)
            #expect(throws: InflateError.corrupt) {
                try DeflateReference.inflate(payload, with: &inflater, pieces: pieces)
            }
            // The stream has lost its place for good.
            #expect(throws: InflateError.corrupt) {
                try DeflateReference.inflate([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], with: &inflater)
            }
        }
    }

    // MARK: The limit

    @Test func stopsABombAtTheLimit() throws {
        // One GiB of zeros, about one MiB on the wire: 64 times the same 16 MiB, each deflated on its own.
        let part = DeflateReference.Sender(level: 9).send([UInt8](repeating: 0, count: 1 << 24)) + [0, 0, 0xff, 0xff]
        let bomb = [[UInt8]](repeating: part, count: 64).flatMap { $0 }
        #expect(bomb.count < 1_200_000)

        let limit = 1 << 20
        var inflater = Inflater(windowBits: 15, contextTakeover: true)
        var output = MessageBuffer()
        #expect(throws: InflateError.tooLarge) {
            try bomb.withUnsafeBytes { bytes in
                try inflater.inflate(bytes, into: &output, limit: limit)
            }
        }
        #expect(output.count == limit)
        #expect(output.capacity <= 2 * limit)
        #expect(throws: InflateError.corrupt) { try inflater.finishMessage(into: &output, limit: limit) }
    }

    @Test(arguments: [1, 2, 511, 512, 513, 1000, 4096, 70_000])
    func takesAMessageOfExactlyTheLimit(count: Int) throws {
        for message in [
            [UInt8](repeating: 7, count: count), (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) },
        ] {
            let payload = DeflateReference.Sender().send(message)
            for pieces in [Int.max, 1] {
                var inflater = Inflater(windowBits: 15, contextTakeover: false)
                let inflated = try DeflateReference.inflate(payload, with: &inflater, pieces: pieces, limit: count)
                #expect(inflated == message)
                #expect(throws: InflateError.tooLarge) {
                    try DeflateReference.inflate(payload, with: &inflater, pieces: pieces, limit: count - 1)
                }
            }
        }
    }

    @Test func anEmptyMessagePassesALimitOfZero() throws {
        var inflater = Inflater(windowBits: 15, contextTakeover: true)
        #expect(try DeflateReference.inflate([0x00], with: &inflater, limit: 0) == [])
    }

    // MARK: Memory

    @Test func takesNoMemoryBeforeTheFirstMessage() throws {
        var inflater = Inflater(windowBits: 15, contextTakeover: true)
        #expect((inflater.isAllocated as Bool) == false)
        _ = try DeflateReference.inflate([], with: &inflater)
        #expect((inflater.isAllocated as Bool) == false)
        _ = try DeflateReference.inflate([0x00], with: &inflater)
        #expect((inflater.isAllocated as Bool) == true)
    }

    // MARK: Against zlib

    @Test(arguments: 9...15, [true, false])
    func inflatesWhatZlibSends(windowBits: Int, contextTakeover: Bool) throws {
        let seed = UInt64(windowBits) << 1 | (contextTakeover ? 1 : 0)
        var random = DeflateReference.Random(seed: seed)
        for level in [Int32(0), 1, 6, 9] {
            let memoryLevel = Int32.random(in: 1...9, using: &random)
            let sender = DeflateReference.Sender(
                windowBits: windowBits,
                contextTakeover: contextTakeover,
                level: level,
                memoryLevel: memoryLevel
            )
            var inflater = Inflater(windowBits: windowBits, contextTakeover: contextTakeover)
            for _ in 0..<12 {
                let message = random.message(upTo: 6000)
                let pieces = [1, 2, 7, 1000, .max].randomElement(using: &random) ?? 1
                let inflated = try DeflateReference.inflate(sender.send(message), with: &inflater, pieces: pieces)
                #expect(
                    inflated == message,
                    "seed \(seed), level \(level), memory level \(memoryLevel), pieces \(pieces)"
                )
            }
        }
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func survivesRandomBytes(seed: UInt64) {
        var random = DeflateReference.Random(seed: seed)
        var refused = 0
        for _ in 0..<3000 {
            var inflater = Inflater(windowBits: Int.random(in: 8...15, using: &random), contextTakeover: true)
            var payload = DeflateReference.Sender(level: 1, memoryLevel: 1).send(random.message(upTo: 200))
            let place = Int.random(in: 0..<payload.count, using: &random)
            payload[place] ^= UInt8.random(in: 1...255, using: &random)
            do {
                let inflated = try DeflateReference.inflate(payload, with: &inflater, pieces: 5, limit: 1000)
                #expect(inflated.count <= 1000, "seed \(seed)")
            } catch {
                refused += 1
            }
        }
        #expect(refused > 0, "seed \(seed)")
    }
}
