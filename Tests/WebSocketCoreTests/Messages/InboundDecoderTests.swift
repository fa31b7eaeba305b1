import TestSupport
import Testing
import WebSocketCore

@Suite struct InboundDecoderTests {
    // MARK: Against the reference

    /// A stream of frames that is mostly legal; `damage` flips bytes of it.
    static func randomStream(_ random: inout SeededGenerator, damage: Bool) -> [UInt8] {
        var stream: [UInt8] = []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let isText = Bool.random(using: &random)
            // Once in a while, a message in which direct reads and the 64-bit length have a part.
            let isLarge = Int.random(in: 0..<20, using: &random) == 0
            let size = isLarge ? 140_000 : [0, 3, 100, 125, 126, 300].randomElement(using: &random) ?? 0
            let payload = isText ? random.text(size / 2) : random.bytes(size)
            let pieces = Int.random(in: 1...4, using: &random)
            var rest = payload[...]
            for index in 0..<pieces {
                let isFinal = index == pieces - 1
                let piece = isFinal ? rest : rest.prefix(Int.random(in: 0...rest.count, using: &random))
                rest = rest.dropFirst(piece.count)
                let opcode: Opcode = index > 0 ? .continuation : isText ? .text : .binary
                stream += frame(opcode, Array(piece), isFinal: isFinal)
                if Int.random(in: 0..<4, using: &random) == 0 {
                    let opcode: Opcode = Bool.random(using: &random) ? .ping : .pong
                    stream += frame(opcode, random.bytes(Int.random(in: 0...125, using: &random)))
                }
            }
        }
        if Bool.random(using: &random) {
            stream += frame(.close, [0x03, 0xE8] + random.text(10)) + random.bytes(5)
        }
        if damage {
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                // Early bytes are headers more often.
                let position = Int.random(in: 0..<min(stream.count, 200), using: &random)
                stream[position] ^= UInt8.random(in: 1...255, using: &random)
            }
        }
        return stream
    }

    static func randomCuts(_ random: inout SeededGenerator, of count: Int) -> [Int] {
        (0..<Int.random(in: 0...8, using: &random)).map { _ in Int.random(in: 0...count, using: &random) }.sorted()
    }

    /// A text is judged at its end by the reference, at its first bad byte by the decoder.
    static func agree(_ decoded: [Observation], _ reference: [Observation]) -> Bool {
        if decoded == reference { return true }
        guard decoded.last == .failure(1007) else { return false }
        return reference.starts(with: decoded.dropLast())
            && !reference.dropFirst(decoded.count - 1).contains {
                switch $0 {
                case .text, .binary, .close: true
                default: false
                }
            }
    }

    @Test(arguments: [false, true])
    func agreesWithTheReferenceHoweverTheStreamIsCut(damage: Bool) {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for round in 0..<400 {
            let stream = Self.randomStream(&random, damage: damage)
            let reference = ReferenceDecoder().decode(stream)
            let cuts = Self.randomCuts(&random, of: stream.count)
            for reading in DecoderDriver.Reading.allCases {
                let decoded = DecoderDriver.decode(stream, cuts: cuts, reading: reading)
                #expect(Self.agree(decoded, reference), "seed \(seed), round \(round), cuts \(cuts), \(reading)")
            }
        }
    }

    @Test(arguments: [false, true])
    func agreesWithTheReferenceByteByByte(damage: Bool) {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for round in 0..<60 {
            var stream = Self.randomStream(&random, damage: damage)
            stream = Array(stream.prefix(4_000))
            let whole = DecoderDriver.decode(stream)
            let decoded = DecoderDriver.decode(stream, cuts: Array(0...stream.count))
            #expect(decoded == whole, "seed \(seed), round \(round)")
            #expect(Self.agree(decoded, ReferenceDecoder().decode(stream)), "seed \(seed), round \(round)")
        }
    }

    @Test func piecesOfFragmentModeAddUpToTheMessages() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for round in 0..<200 {
            let stream = Self.randomStream(&random, damage: false)
            var decoder = InboundDecoder(inflater: nil)
            decoder.deliversFragments = true
            let decoded = DecoderDriver.decode(
                stream,
                cuts: Self.randomCuts(&random, of: stream.count),
                with: &decoder,
                reading: .direct
            )
            #expect(decoded == ReferenceDecoder().decode(stream), "seed \(seed), round \(round)")
        }
    }

    // MARK: State machine

    struct Transition: Sendable, CustomTestStringConvertible {
        var isInside: Bool
        var opcode: UInt8
        var isFinal: Bool
        var expected: Observation?
        var isInsideAfter: Bool

        var testDescription: String {
            "\(self.isInside ? "inside" : "between") + opcode \(self.opcode), FIN \(self.isFinal)"
        }
    }

    /// Every opcode of four bits, with and without FIN, inside and outside a fragmented message.
    static var transitions: [Transition] { [false, true].flatMap(Self.transitions) }

    private static func transitions(isInside: Bool) -> [Transition] {
        (UInt8(0)...15).flatMap { opcode in
            [false, true].map { isFinal -> Transition in
                let failure = Observation.failure(1002)
                let (expected, after): (Observation?, Bool) =
                    switch (opcode, isFinal, isInside) {
                    case (0, false, true): (nil, true)
                    case (0, true, true): (.binary("ab".bytes), false)
                    case (1, false, false), (2, false, false): (nil, true)
                    case (1, true, false): (.text("b".bytes), false)
                    case (2, true, false): (.binary("b".bytes), false)
                    case (9, true, _): (.ping("b".bytes), isInside)
                    case (10, true, _): (.pong("b".bytes), isInside)
                    default: (failure, false)
                    }
                return Transition(
                    isInside: isInside,
                    opcode: opcode,
                    isFinal: isFinal,
                    expected: expected,
                    isInsideAfter: after
                )
            }
        }
    }

    @Test(arguments: InboundDecoderTests.transitions)
    func stateMachine(_ transition: Transition) {
        let before = transition.isInside ? frame(.binary, "a".bytes, isFinal: false) : []
        // A Close frame with the payload "b" is wrong in itself, as the table expects.
        let stream = before + [(transition.isFinal ? 0x80 : 0) | transition.opcode, 1] + "b".bytes
        #expect(DecoderDriver.decode(stream) == (transition.expected.map { [$0] } ?? []))

        guard transition.expected != .failure(1002) else { return }
        let continued = DecoderDriver.decode(stream + frame(.continuation, "c".bytes)).last
        #expect((continued == .failure(1002)) == !transition.isInsideAfter)
    }

    @Test func maskedFramesAreRefusedAtTheirSecondByte() {
        var decoder = InboundDecoder(inflater: nil)
        #expect(DecoderDriver.decode([0x82, 0x85], with: &decoder) == [.failure(1002)])
        #expect(decoder.failure?.message == "masked frame from a server")
    }

    @Test func compressedFramesAreRefusedWithoutCompression() {
        var decoder = InboundDecoder(inflater: nil)
        #expect(DecoderDriver.decode([0xC1, 0], with: &decoder) == [.failure(1002)])
        #expect(
            decoder.failure?.message == "reserved bit RSV1 set in a text frame, but no compression was negotiated"
        )
    }

    // MARK: The end

    @Test func nothingComesAfterAClose() {
        let stream = frame(.close, [0x0F, 0xA0] + "bye".bytes) + frame(.text, "x".bytes)
        var decoder = InboundDecoder(inflater: nil)
        #expect(DecoderDriver.decode(stream, with: &decoder) == [.close(4000, "bye")])
        #expect(DecoderDriver.decode(frame(.ping), with: &decoder) == [])
        #expect(decoder.failure == nil)
    }

    @Test func nothingComesAfterAFailure() {
        var decoder = InboundDecoder(inflater: nil)
        #expect(DecoderDriver.decode([0x83, 0] + frame(.text), with: &decoder) == [.failure(1002)])
        decoder.deliversFragments = false
        #expect(DecoderDriver.decode(frame(.text, "x".bytes), with: &decoder) == [])
        #expect(decoder.close == nil)
    }

    // MARK: Text

    @Test func textFailsInTheMiddleOfAnUnfinishedFrame() {
        // Autobahn 6.4: the sixth of announced 100 bytes cannot follow.
        let stream = [0x81, 100] + "κό".bytes + [0xED, 0xA0]
        #expect(DecoderDriver.decode(Array(stream.dropLast())) == [])
        #expect(DecoderDriver.decode(stream) == [.failure(1007)])
        #expect(DecoderDriver.decode(stream, cuts: Array(0...stream.count)) == [.failure(1007)])

        var decoder = InboundDecoder(inflater: nil)
        _ = DecoderDriver.decode(stream, cuts: [5], with: &decoder)
        #expect(decoder.failure?.message == "text message that is not UTF-8: byte 0xa0 at 5")
    }

    @Test func codePointsMayBeCutByFrames() {
        let text = "aκ€😀".bytes
        for cut in 0...text.count {
            let stream =
                frame(.text, Array(text[..<cut]), isFinal: false) + frame(.ping)
                + frame(.continuation, Array(text[cut...]))
            #expect(DecoderDriver.decode(stream) == [.ping([]), .text(text)])
            let unfinished = frame(.text, Array(text[..<cut]))
            let isWhole = String(validating: text[..<cut], as: UTF8.self) != nil
            #expect(DecoderDriver.decode(unfinished) == [isWhole ? .text(Array(text[..<cut])) : .failure(1007)])
        }
    }

    @Test func anUnfinishedTextDoesNotSpoilTheNext() {
        let stream =
            frame(.text, [0xE2, 0x82], isFinal: false) + frame(.continuation, [0xAC]) + frame(.text, "x".bytes)
        #expect(DecoderDriver.decode(stream) == [.text("€".bytes), .text("x".bytes)])
    }

    // MARK: Memory

    @Test func aMessageInTheInputStaysThere() {
        for size in [0, 1, 125, 126, 70_000] {
            for opcode in [Opcode.text, .binary] {
                let stream = frame(opcode, [UInt8](repeating: 0x61, count: size))
                var decoder = InboundDecoder(inflater: nil)
                stream.withUnsafeBytes { bytes in
                    var input = bytes
                    let event = decoder.next(&input)
                    #expect(event.kind == (opcode == .text ? .text : .binary))
                    #expect(!event.isOwned)
                    #expect(event.payload.count == size)
                    #expect(
                        size == 0 || event.payload.baseAddress == bytes.baseAddress.map { $0 + stream.count - size }
                    )
                    #expect(input.isEmpty)
                }
            }
        }
    }

    @Test func takenMessagesLeaveTheDecoderReadyForTheNext() {
        var decoder = InboundDecoder(inflater: nil)
        for value in UInt8(0)..<5 {
            let payload = [UInt8](repeating: value, count: 1000)
            // Taken by the driver when owned, which the cut makes it.
            let decoded = DecoderDriver.decode(frame(.binary, payload), cuts: [500], with: &decoder)
            #expect(decoded == [.binary(payload)])
        }
        #expect(decoder.takeMessage() == [])
    }

    @Test func aMessageThatIsNotTakenDoesNotLeakIntoTheNext() {
        var decoder = InboundDecoder(inflater: nil)
        for value in UInt8(0)..<5 {
            let payload = [UInt8](repeating: value, count: 1000)
            let stream = frame(.binary, payload, isFinal: false) + frame(.continuation)
            stream.withUnsafeBytes { bytes in
                var input = bytes
                let event = decoder.next(&input)
                #expect(event.isOwned)
                #expect(Array(event.payload) == payload)
            }
        }
    }

    @Test func anIdleDecoderHoldsNothing() {
        var decoder = InboundDecoder(inflater: nil)
        #expect(decoder.heldStorage == 0)
        let message = frame(.binary, [UInt8](repeating: 1, count: 50_000)) + frame(.ping, [1, 2, 3])
        // In the middle of a message, then of a control frame, then between messages.
        for (end, isHeld) in [(20_000, true), (message.count - 1, true), (message.count, false)] {
            var decoder = InboundDecoder(inflater: nil)
            message[..<end].withUnsafeBytes {
                var input = $0
                while decoder.next(&input).kind != .needsInput {}
            }
            let held = decoder.heldStorage
            #expect((held > 0) == isHeld)
            decoder.releaseUnusedStorage()
            #expect(decoder.heldStorage == held)
        }

        let start = Array(message.prefix(100))
        #expect(DecoderDriver.decode(start, with: &decoder) == [])
        while decoder.heldStorage > 0, let target = decoder.directReadTarget() {
            if decoder.didReadDirectly(target.count).kind == .binary { decoder.releaseUnusedStorage() }
        }
        #expect(decoder.heldStorage == 0)
    }

    @Test func whatIsAnnouncedIsNotYetPaidFor() {
        var decoder = InboundDecoder(configuration: .init(maximumMessageSize: .max), inflater: nil)
        let announced: [UInt8] = [0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
        #expect(DecoderDriver.decode(announced, with: &decoder) == [])
        #expect(decoder.directReadTarget()?.count == 1 << 20)
        var received = 0
        while received < 5 << 20 {
            guard let target = decoder.directReadTarget() else { break }
            #expect(target.count <= max(1 << 20, received + InboundDecoder.directReadThreshold))
            let count = min(target.count, 100_000)
            #expect(decoder.didReadDirectly(count).kind == .needsInput)
            received += count
        }
        #expect(received >= 5 << 20)
    }

    // MARK: Direct reads

    @Test func aDirectReadNeverReachesBeyondTheFrame() {
        let threshold = InboundDecoder.directReadThreshold
        for (size, arrived, expected) in [
            (threshold, 0, threshold), (threshold, 1, nil), (threshold + 1, 1, threshold), (100, 0, nil),
            (300_000, 200_000, 100_000),
        ] as [(Int, Int, Int?)] {
            var decoder = InboundDecoder(inflater: nil)
            let stream = frame(.binary, [UInt8](repeating: 7, count: size))
            let start = Array(stream.dropLast(size - arrived))
            #expect(DecoderDriver.decode(start, with: &decoder) == [])
            #expect(decoder.directReadTarget()?.count == expected)
        }
    }

    @Test func aDirectReadValidatesText() {
        var decoder = InboundDecoder(inflater: nil)
        #expect(DecoderDriver.decode([0x81, 126, 0xF0, 0], with: &decoder) == [])
        decoder.directReadTarget()?[0] = 0x61
        #expect(decoder.didReadDirectly(1).kind == .needsInput)
        decoder.directReadTarget()?[0] = 0xC0
        #expect(decoder.didReadDirectly(1).kind == .failure)
        #expect(decoder.failure?.closeCode == .invalidFramePayloadData)
        #expect(decoder.directReadTarget() == nil)
    }

    @Test func thereIsNoDirectReadBetweenFramesOrOfFragments() {
        var decoder = InboundDecoder(inflater: nil)
        #expect(decoder.directReadTarget() == nil)
        decoder.deliversFragments = true
        #expect(DecoderDriver.decode([0x82, 126, 0xF0, 0], with: &decoder) == [])
        #expect(decoder.directReadTarget() == nil)
    }

    // MARK: Fragments

    @Test func fragmentModeTakesEffectAtTheNextMessage() {
        var decoder = InboundDecoder(inflater: nil)
        var kinds: [InboundEvent.Kind] = []
        func feed(_ bytes: [UInt8]) {
            bytes.withUnsafeBytes {
                var input = $0
                while true {
                    let event = decoder.next(&input)
                    if event.kind == .needsInput { break }
                    kinds.append(event.kind)
                }
            }
        }
        feed(frame(.binary, [1], isFinal: false))
        decoder.deliversFragments = true
        feed(frame(.continuation, [2]))
        #expect(kinds == [.binary])
        feed(frame(.binary, [3], isFinal: false))
        decoder.deliversFragments = false
        feed(frame(.continuation, [4]) + frame(.binary, [5]))
        #expect(kinds == [.binary, .fragment, .fragment, .binary])
    }

    @Test func fragmentsSayWhereTheMessageBeginsAndEnds() {
        var decoder = InboundDecoder(inflater: nil)
        decoder.deliversFragments = true
        let stream =
            frame(.text, isFinal: false) + frame(.continuation, "ab".bytes, isFinal: false) + frame(.ping)
            + frame(.continuation) + frame(.binary, [1])
        var seen: [String] = []
        stream.withUnsafeBytes {
            var input = $0
            while true {
                let event = decoder.next(&input)
                if event.kind == .needsInput { break }
                seen.append("\(event.kind) \(event.isText) \(event.isFirst) \(event.isFinal) \(Array(event.payload))")
            }
        }
        #expect(
            seen == [
                "fragment true true false [97, 98]", "ping false true true []", "fragment true false true []",
                "fragment false true true [1]",
            ]
        )
    }
}
