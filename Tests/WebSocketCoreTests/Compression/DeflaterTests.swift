import Testing
import WebSocketCore

@Suite struct DeflaterTests {
    @Test func deflatesTheExamplesOfTheRFC() throws {
        // RFC 7692 sections 7.2.3.1 and 7.2.3.2.
        var deflater = Deflater(windowBits: 15, contextTakeover: true, level: 6, memoryLevel: 8)
        let hello = Array("Hello".utf8)
        #expect(try DeflateReference.deflate(hello, with: &deflater) == [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])
        #expect(try DeflateReference.deflate(hello, with: &deflater) == [0xf2, 0x00, 0x11, 0x00, 0x00])
    }

    @Test func forgetsTheWindowWithoutContextTakeover() throws {
        var deflater = Deflater(windowBits: 15, contextTakeover: false, level: 6, memoryLevel: 8)
        let hello = Array("Hello".utf8)
        for _ in 0..<2 {
            #expect(try DeflateReference.deflate(hello, with: &deflater) == [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])
        }
    }

    @Test(arguments: [true, false])
    func deflatesAnEmptyMessage(contextTakeover: Bool) throws {
        // RFC 7692 section 7.2.3.6
        var deflater = Deflater(windowBits: 15, contextTakeover: contextTakeover, level: 6, memoryLevel: 8)
        let receiver = DeflateReference.Receiver(contextTakeover: contextTakeover)
        #expect(try DeflateReference.deflate([], with: &deflater) == [0x00])
        #expect((deflater.isAllocated as Bool) == false)
        for message in [[], [1, 2, 3], [], [], [1, 2, 3]] as [[UInt8]] {
            #expect(receiver.receive(try DeflateReference.deflate(message, with: &deflater)) == message)
        }
    }

    @Test func endsAMessageWithAnEmptyPiece() throws {
        var deflater = Deflater(windowBits: 15, contextTakeover: true, level: 6, memoryLevel: 8)
        let receiver = DeflateReference.Receiver()
        let message = Array("a fragmented message".utf8)
        for _ in 0..<2 {
            var output = MessageBuffer()
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            try deflater.deflate(none, isFinal: false, into: &output)
            #expect(output.count == 0)
            try message.withUnsafeBytes { bytes in
                try deflater.deflate(bytes, isFinal: false, into: &output)
            }
            try deflater.deflate(none, isFinal: false, into: &output)
            try deflater.deflate(none, isFinal: true, into: &output)
            #expect(receiver.receive(output.take()) == message)
        }
    }

    @Test func everyPieceCanBeInflatedAtOnce() throws {
        var deflater = Deflater(windowBits: 15, contextTakeover: true, level: 6, memoryLevel: 8)
        var inflater = Inflater(windowBits: 15, contextTakeover: true)
        var received = MessageBuffer()
        let pieces = ["one", "two two", "three three three"].map { Array($0.utf8) }
        var sent = 0
        for (index, piece) in pieces.enumerated() {
            var output = MessageBuffer()
            try piece.withUnsafeBytes { bytes in
                try deflater.deflate(bytes, isFinal: index == 2, into: &output)
            }
            try inflater.inflate(output.bytes, into: &received, limit: 1000)
            sent += piece.count
            #expect(received.count == sent)
        }
        try inflater.finishMessage(into: &received, limit: 1000)
        #expect(received.take() == pieces.flatMap { $0 })
    }

    @Test func appendsBehindWhatIsThere() throws {
        var deflater = Deflater(windowBits: 15, contextTakeover: true, level: 6, memoryLevel: 8)
        var output = MessageBuffer()
        let header: [UInt8] = [0xc1, 0x87]
        header.withUnsafeBytes { output.append($0) }
        try Array("Hello".utf8).withUnsafeBytes { bytes in
            try deflater.deflate(bytes, isFinal: true, into: &output)
        }
        #expect(output.take() == header + [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])
    }

    @Test(arguments: 9...15, [true, false])
    func zlibInflatesWhatIsSent(windowBits: Int, contextTakeover: Bool) throws {
        let seed = UInt64(windowBits) << 1 | (contextTakeover ? 1 : 0)
        var random = DeflateReference.Random(seed: seed)
        for level in -1...9 {
            for memoryLevel in [1, 5, 8, 9] {
                var deflater = Deflater(
                    windowBits: windowBits,
                    contextTakeover: contextTakeover,
                    level: level,
                    memoryLevel: memoryLevel
                )
                // One byte of room at a time, so that zlib checks every distance against a window of just this size.
                let receiver = DeflateReference.Receiver(
                    windowBits: windowBits,
                    contextTakeover: contextTakeover,
                    step: 1
                )
                for _ in 0..<4 {
                    let message = random.message(upTo: 1500)
                    let pieces = [1, 50, 1000, .max].randomElement(using: &random) ?? 1
                    let sent = try DeflateReference.deflate(message, with: &deflater, pieces: pieces)
                    let place = "seed \(seed), level \(level), memory level \(memoryLevel), pieces \(pieces)"
                    #expect(receiver.receive(sent) == message, Comment(rawValue: place))
                }
            }
        }
    }

    @Test(arguments: [0, 1, 6])
    func deflatesLargeMessagesInSteps(level: Int) throws {
        // Random bytes do not compress: the output needs many times the largest step.
        var random = DeflateReference.Random(seed: 42)
        let words = (0..<(3 << 17)).map { _ in random.next() }
        let message = words.withUnsafeBytes { Array($0) }
        var deflater = Deflater(windowBits: 15, contextTakeover: true, level: level, memoryLevel: 8)
        let receiver = DeflateReference.Receiver()
        for _ in 0..<2 {
            let sent = try DeflateReference.deflate(message, with: &deflater)
            #expect(sent.count > message.count)
            #expect(receiver.receive(sent) == message)
        }
        let zeros = [UInt8](repeating: 0, count: 8 << 20)
        var output = MessageBuffer()
        try zeros.withUnsafeBytes { bytes in
            try deflater.deflate(bytes, isFinal: true, into: &output)
        }
        if level > 0 { #expect(output.capacity <= 512 * 1024) }
        #expect(receiver.receive(output.take()) == zeros)
    }

    @Test func roundTripsThroughItsOwnInflater() throws {
        let seed: UInt64 = 7692
        var random = DeflateReference.Random(seed: seed)
        for round in 0..<30 {
            let windowBits = Int.random(in: 9...15, using: &random)
            let takeover = Bool.random(using: &random)
            var deflater = Deflater(windowBits: windowBits, contextTakeover: takeover, level: 6, memoryLevel: 8)
            var inflater = Inflater(windowBits: windowBits, contextTakeover: takeover)
            for _ in 0..<8 {
                let message = random.message(upTo: 20_000)
                let pieces = Int.random(in: 1...5000, using: &random)
                let sent = try DeflateReference.deflate(message, with: &deflater, pieces: pieces)
                let received = try DeflateReference.inflate(sent, with: &inflater, pieces: pieces / 2 + 1)
                #expect(received == message, "seed \(seed), round \(round)")
            }
        }
    }

    @Test(arguments: [(8, 6, 8), (16, 6, 8), (15, 10, 8), (15, 6, 0), (15, 6, 10)])
    func refusesWhatZlibDoesNotHave(windowBits: Int, level: Int, memoryLevel: Int) {
        var deflater = Deflater(
            windowBits: windowBits,
            contextTakeover: true,
            level: level,
            memoryLevel: memoryLevel
        )
        #expect(throws: DeflateError.invalidParameters) { try DeflateReference.deflate([1], with: &deflater) }
        #expect((deflater.isAllocated as Bool) == false)
    }

    @Test func takesNoMemoryBeforeTheFirstMessage() throws {
        var deflater = Deflater(windowBits: 15, contextTakeover: true, level: 6, memoryLevel: 8)
        #expect((deflater.isAllocated as Bool) == false)
        _ = try DeflateReference.deflate([1], with: &deflater)
        #expect((deflater.isAllocated as Bool) == true)
    }
}
