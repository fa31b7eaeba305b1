import Testing
import WebSocketCore

@Suite struct FrameHeaderTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        var bytes: [UInt8]
        var header: FrameHeader
        var testDescription: String { "\(self.bytes)" }
    }

    /// Every length form at both of its ends, with and without a key, every opcode and flag.
    static let shapes: [Shape] = {
        let key = MaskingKey(bits: 0x4433_2211)
        var shapes: [Shape] = []
        func add(_ bytes: [UInt8], _ header: FrameHeader) {
            shapes.append(Shape(bytes: bytes, header: header))
            var masked = header
            masked.maskingKey = key
            var maskedBytes = bytes
            maskedBytes[1] |= 0x80
            shapes.append(Shape(bytes: maskedBytes + [0x11, 0x22, 0x33, 0x44], header: masked))
        }
        for (length, encoded) in [
            (0, [0]), (1, [1]), (125, [125]), (126, [126, 0, 126]), (0xFFFF, [126, 0xFF, 0xFF]),
            (0x10000, [127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (Int.max, [127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
        ] as [(Int, [UInt8])] {
            for opcode in Opcode.allCases where length <= 125 || !opcode.isControl {
                add([0x80 | opcode.rawValue] + encoded, FrameHeader(opcode: opcode, payloadLength: length))
                guard !opcode.isControl else { continue }
                add([opcode.rawValue] + encoded, FrameHeader(opcode: opcode, isFinal: false, payloadLength: length))
                guard opcode != .continuation else { continue }
                add(
                    [0xC0 | opcode.rawValue] + encoded,
                    FrameHeader(opcode: opcode, isCompressed: true, payloadLength: length)
                )
            }
        }
        return shapes
    }()

    @Test(arguments: FrameHeaderTests.shapes)
    func parsesAndEncodes(_ shape: Shape) throws {
        let parsed = try shape.bytes.withUnsafeBytes { try FrameHeader.parse($0) }
        #expect(parsed?.header == shape.header)
        #expect(parsed?.size == shape.bytes.count)

        let encoded = [UInt8](unsafeUninitializedCapacity: FrameHeader.maximumSize) { room, count in
            guard let base = room.baseAddress else { return }
            count = shape.header.encode(to: base)
        }
        #expect(encoded == shape.bytes)
        #expect(shape.header.encodedSize == shape.bytes.count)
    }

    @Test(arguments: FrameHeaderTests.shapes)
    func waitsForTheWholeHeaderAndNotForMore(_ shape: Shape) throws {
        for count in 0..<shape.bytes.count {
            let parsed = try shape.bytes[..<count].withUnsafeBytes { try FrameHeader.parse($0) }
            #expect(parsed == nil, "\(count) bytes")
        }
        let parsed = try (shape.bytes + [0xAA]).withUnsafeBytes { try FrameHeader.parse($0) }
        #expect(parsed?.size == shape.bytes.count)
    }

    @Test(
        arguments: [
            ([0x83], "reserved opcode 3"), ([0x84], "reserved opcode 4"), ([0x85], "reserved opcode 5"),
            ([0x86], "reserved opcode 6"), ([0x87], "reserved opcode 7"), ([0x8B], "reserved opcode 11"),
            ([0x8C], "reserved opcode 12"), ([0x8D], "reserved opcode 13"), ([0x8E], "reserved opcode 14"),
            ([0x8F], "reserved opcode 15"),
            ([0xA1], "reserved bit RSV2 set in a text frame"),
            ([0x92], "reserved bit RSV3 set in a binary frame"),
            ([0xC9], "reserved bit RSV1 set in a ping frame"),
            ([0xC0], "reserved bit RSV1 set in a continuation frame"),
            ([0x08], "fragmented close frame"), ([0x09], "fragmented ping frame"), ([0x0A], "fragmented pong frame"),
            ([0x88, 126], "close frame of more than 125 bytes"), ([0x89, 127], "ping frame of more than 125 bytes"),
            ([0x8A, 0xFE], "pong frame of more than 125 bytes"),
            ([0x82, 126, 0, 125], "payload length 125 encoded in 16 bits, which is not the shortest form"),
            ([0x82, 126, 0, 0], "payload length 0 encoded in 16 bits, which is not the shortest form"),
            (
                [0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
                "payload length 65535 encoded in 64 bits, which is not the shortest form"
            ),
            (
                [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
                "payload length 9223372036854775808 has its most significant bit set"
            ),
        ] as [([UInt8], String)]
    )
    func refuses(_ bytes: [UInt8], _ message: String) {
        #expect(throws: ProtocolFailure(.protocolError, message)) {
            try bytes.withUnsafeBytes { _ = try FrameHeader.parse($0) }
        }
        // Not a byte before the one that is wrong.
        #expect(throws: Never.self) {
            try bytes.dropLast().withUnsafeBytes { _ = try FrameHeader.parse($0) }
        }
    }
}
