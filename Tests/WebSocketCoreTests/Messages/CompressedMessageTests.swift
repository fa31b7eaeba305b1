import TestSupport
import Testing
import WebSocketCore

/// Messages of permessage-deflate, made by zlib itself, on their way through the decoder.
@Suite struct CompressedMessageTests {
    private static func decoder(_ configuration: InboundDecoder.Configuration = .init()) -> InboundDecoder {
        InboundDecoder(configuration: configuration, inflater: Inflater(windowBits: 15, contextTakeover: true))
    }

    /// Payload of one message in some frames, of which the first carries RSV1, with pings in between.
    private static func frames(
        _ opcode: Opcode,
        _ payload: [UInt8],
        isCompressed: Bool = true,
        pieces: Int = 1,
        _ random: inout SeededGenerator
    ) -> [UInt8] {
        var stream: [UInt8] = []
        var rest = payload[...]
        for index in 0..<pieces {
            let isFinal = index == pieces - 1
            let piece = isFinal ? rest : rest.prefix(Int.random(in: 0...rest.count, using: &random))
            rest = rest.dropFirst(piece.count)
            stream += frame(
                index == 0 ? opcode : .continuation,
                Array(piece),
                isFinal: isFinal,
                isCompressed: isCompressed && index == 0
            )
            if index == 0 && pieces > 1 { stream += frame(.ping, [UInt8(index)]) }
        }
        return stream
    }

    /// A stream of compressed and plain messages, and what is to come out of it.
    private static func randomStream(_ random: inout SeededGenerator) -> (stream: [UInt8], expected: [Observation]) {
        let sender = DeflateReference.Sender()
        var stream: [UInt8] = []
        var expected: [Observation] = []
        for _ in 0..<6 {
            let isText = Bool.random(using: &random)
            let isLarge = Int.random(in: 0..<20, using: &random) == 0
            let size = isLarge ? 60_000 : [0, 1, 50, 2000].randomElement(using: &random) ?? 0
            let message =
                isText ? random.text(size / 2) : [UInt8](repeating: 3, count: size / 2) + random.bytes(size / 2)
            let isCompressed = Bool.random(using: &random)
            let pieces = Int.random(in: 1...4, using: &random)
            let payload = isCompressed ? sender.send(message) : message
            stream += Self.frames(
                isText ? .text : .binary,
                payload,
                isCompressed: isCompressed,
                pieces: pieces,
                &random
            )
            if pieces > 1 { expected.append(.ping([0])) }
            expected.append(isText ? .text(message) : .binary(message))
        }
        return (stream, expected)
    }

    @Test(arguments: [false, true])
    func inflatesHoweverTheStreamIsCut(deliversFragments: Bool) {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for round in 0..<100 {
            let (stream, expected) = Self.randomStream(&random)
            let cuts = InboundDecoderTests.randomCuts(&random, of: stream.count)
            var decoder = Self.decoder()
            decoder.deliversFragments = deliversFragments
            let decoded = DecoderDriver.decode(stream, cuts: cuts, with: &decoder, reading: .direct)
            #expect(decoded == expected, "seed \(seed), round \(round), cuts \(cuts)")
        }
    }

    @Test func inflatesByteByByte() {
        var random = SeededGenerator(seed: 5)
        let message = random.text(300)
        let payload = DeflateReference.Sender().send(message)
        let stream = Self.frames(.text, payload, pieces: 3, &random)
        var decoder = Self.decoder()
        let decoded = DecoderDriver.decode(stream, cuts: Array(0...stream.count), with: &decoder)
        #expect(decoded == [.ping([0]), .text(message)])
    }

    @Test func theExampleOfTheRFC() {
        // RFC 7692 section 7.2.3.1, "Hello" in one frame and in two.
        let one: [UInt8] = [0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        let two: [UInt8] = [0x41, 0x03, 0xF2, 0x48, 0xCD, 0x80, 0x04, 0xC9, 0xC9, 0x07, 0x00]
        for stream in [one, two] {
            var decoder = Self.decoder()
            #expect(DecoderDriver.decode(stream, with: &decoder) == [.text("Hello".bytes)])
        }
    }

    @Test func aPlainMessageIsStillNotCopied() {
        var decoder = Self.decoder()
        frame(.text, "plain".bytes).withUnsafeBytes {
            var input = $0
            let event = decoder.next(&input)
            #expect(event.kind == .text)
            #expect(!event.isOwned)
        }
    }

    @Test(arguments: [[0xFF, 0xFF, 0xFF], [0x07], [0x00, 0x05, 0x00, 0x00, 0x00]] as [[UInt8]])
    func whatDoesNotInflateFailsTheConnection(_ payload: [UInt8]) {
        var decoder = Self.decoder()
        let stream = frame(.binary, payload, isCompressed: true) + frame(.binary)
        #expect(DecoderDriver.decode(stream, with: &decoder) == [.failure(1007)])
        #expect(decoder.failure?.message == "compressed message that does not inflate")
    }

    @Test(arguments: [false, true])
    func theLimitIsOnTheInflatedSize(deliversFragments: Bool) {
        let sender = DeflateReference.Sender(contextTakeover: false)
        for (size, isLegal) in [(10_000, true), (10_001, false), (5_000_000, false)] {
            let payload = sender.send([UInt8](repeating: 0, count: size))
            var random = SeededGenerator(seed: 3)
            for pieces in [1, 3] {
                var decoder = Self.decoder(.init(maximumMessageSize: 10_000))
                decoder.deliversFragments = deliversFragments
                let stream = Self.frames(.binary, payload, pieces: pieces, &random)
                let decoded = DecoderDriver.decode(stream, cuts: [stream.count / 2], with: &decoder)
                #expect(decoded.last == (isLegal ? .binary([UInt8](repeating: 0, count: size)) : .failure(1009)))
                #expect(
                    decoder.failure?.message
                        == (isLegal ? nil : "compressed message exceeds the limit of 10000")
                )
            }
        }
    }

    @Test func eachMessageHasTheWholeLimit() {
        let message = [UInt8](repeating: 7, count: 10_000)
        for deliversFragments in [false, true] {
            var decoder = Self.decoder(.init(maximumMessageSize: 10_000))
            decoder.deliversFragments = deliversFragments
            let sender = DeflateReference.Sender()
            for _ in 0..<3 {
                let stream = frame(.binary, sender.send(message), isCompressed: true)
                #expect(DecoderDriver.decode(stream, with: &decoder) == [.binary(message)])
            }
        }
    }

    @Test func invalidTextFailsBeforeTheMessageEnds() {
        let payload = DeflateReference.Sender().send("abc".bytes + [0xED, 0xA0] + "def".bytes)
        var decoder = Self.decoder()
        let stream = frame(.text, payload, isFinal: false, isCompressed: true)
        #expect(DecoderDriver.decode(stream, with: &decoder) == [.failure(1007)])
        #expect(decoder.failure?.message == "text message that is not UTF-8: byte 0xa0 at 4")
    }

    @Test func textMustNotEndInsideACodePoint() {
        var decoder = Self.decoder()
        let stream = frame(.text, DeflateReference.Sender().send([0x61, 0xE2, 0x82]), isCompressed: true)
        #expect(DecoderDriver.decode(stream, with: &decoder) == [.failure(1007)])
    }

    @Test func compressedPayloadIsNotReadDirectly() {
        var decoder = Self.decoder()
        #expect(DecoderDriver.decode([0xC2, 126, 0xF0, 0], with: &decoder) == [])
        #expect(decoder.directReadTarget() == nil)
    }
}
