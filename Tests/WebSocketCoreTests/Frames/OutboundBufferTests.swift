import TestSupport
import Testing
import WebSocketCore

@Suite struct OutboundBufferTests {
    private func append(
        _ payload: [UInt8],
        _ opcode: Opcode = .binary,
        key: MaskingKey? = nil,
        to buffer: inout OutboundBuffer
    ) {
        let waiting = payload.withUnsafeBytes { buffer.appendFrame(opcode: opcode, payload: $0, maskingKey: key) }
        let count = buffer.count
        #expect(waiting == count)
    }

    @Test func theExamplesOfTheRFC() {
        // Section 5.7.
        var buffer = OutboundBuffer()
        self.append("Hello".bytes, .text, key: MaskingKey(bits: 0x3D21_FA37), to: &buffer)
        #expect(Array(buffer.pending) == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
        buffer.consume(buffer.count)
        self.append("Hello".bytes, .ping, to: &buffer)
        #expect(Array(buffer.pending) == [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
        buffer.consume(buffer.count)
        self.append([UInt8](repeating: 1, count: 256), to: &buffer)
        #expect(Array(buffer.pending.prefix(5)) == [0x82, 0x7E, 0x01, 0x00, 1])
        buffer.consume(buffer.count)
        self.append([UInt8](repeating: 1, count: 65_536), to: &buffer)
        #expect(Array(buffer.pending.prefix(11)) == [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0, 1])
        #expect(buffer.count == 65_546)
    }

    @Test func flagsAreWritten() {
        var buffer = OutboundBuffer()
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        buffer.appendFrame(opcode: .text, isFinal: false, isCompressed: true, payload: nothing, maskingKey: nil)
        buffer.appendFrame(opcode: .continuation, payload: nothing, maskingKey: MaskingKey(bits: 0x0403_0201))
        #expect(Array(buffer.pending) == [0x41, 0, 0x80, 0x80, 1, 2, 3, 4])
    }

    /// Appends and drains at random, and compares with an array.
    @Test func bytesComeOutAsTheyWentIn() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for kept in [0, 512, 1 << 20] {
            var buffer = OutboundBuffer(keptCapacity: kept)
            var model: [UInt8] = []
            for step in 0..<700 {
                switch random.next() % 8 {
                case 0...2:
                    let bytes = random.bytes([0, 1, 100, 3000].randomElement(using: &random) ?? 0)
                    bytes.withUnsafeBytes { buffer.appendRaw($0) }
                    model += bytes
                case 3:
                    let bytes = random.bytes(Int.random(in: 0...300, using: &random))
                    self.append(bytes, to: &buffer)
                    model += frame(.binary, bytes)
                case 4:
                    buffer.reserve(Int.random(in: 0...5_000, using: &random))
                case 5 where random.next() % 16 == 0:
                    buffer.removeAll(keeping: Int.random(in: 0...1000, using: &random))
                    model = []
                default:
                    let count =
                        Bool.random(using: &random) ? model.count : Int.random(in: 0...model.count, using: &random)
                    buffer.consume(count)
                    model.removeFirst(count)
                    if model.isEmpty && buffer.capacity > kept { Issue.record("seed \(seed), step \(step): not small") }
                }
                guard buffer.count == model.count, buffer.pending.elementsEqual(model) else {
                    Issue.record("seed \(seed), step \(step)")
                    return
                }
            }
        }
    }

    @Test func aDrainedBufferIsSmall() {
        var buffer = OutboundBuffer()
        #expect(buffer.capacity == 0)
        self.append([UInt8](repeating: 1, count: 100_000), to: &buffer)
        buffer.consume(buffer.count)
        #expect(buffer.capacity == 0)
        self.append([1], to: &buffer)
        buffer.consume(buffer.count)
        // A small one afterwards does not take as much as the large one again for longer than it is pending.
        #expect(buffer.capacity == 0)
        self.append([1], to: &buffer)
        buffer.consume(buffer.count)
        #expect(buffer.capacity <= 512)
        #expect(buffer.capacity > 0)
    }

    @Test func aBusyBufferTakesItsStorageAtOnce() {
        var buffer = OutboundBuffer()
        for _ in 0..<100 { self.append([UInt8](repeating: 1, count: 1000), to: &buffer) }
        let size = buffer.count
        buffer.consume(size)
        #expect(buffer.capacity == 0)
        self.append([1], to: &buffer)
        #expect(buffer.capacity == size)
    }

    @Test func twoAreExchanged() {
        var filled = OutboundBuffer()
        var writing = OutboundBuffer()
        self.append([1, 2, 3], to: &filled)
        let address = filled.pending.baseAddress
        swap(&filled, &writing)
        #expect(filled.count == 0)
        #expect(writing.pending.baseAddress == address)
        #expect(Array(writing.pending) == [0x82, 3, 1, 2, 3])
    }
}
