internal import WebSocketCore
internal import WebSocketNovaTesting

extension HostileServer {
    /// 64 MiB of zeros.
    package static let compressedBomb = Self.inflating(
        "sends 64 MiB of zeros in less than half of one",
        [.send(Frame(.binary, Self.zeros(64 << 20), reservedBits: 4)), .receiveClose]
    )
    /// Each fragment is small, inflated too.
    package static let endlessBomb = Self.inflating(
        "sends a compressed message without end",
        [
            .send(Frame(.binary, Self.zeros(1 << 16, isLast: false), isFinal: false, reservedBits: 4)),
            .flood(
                Frame(.continuation, Self.zeros(1 << 16, isLast: false), isFinal: false).encoded,
                atMost: 4 << 20,
                isReading: true
            ),
            .waitForEndOfStream,
        ]
    )
    package static let corruptDeflate = Self.inflating(
        "sends compressed data that is none",
        [
            .send(Frame.text("before").encoded + Frame(.binary, [0xFF, 0xFF, 0xFF], reservedBits: 4).encoded),
            .receiveClose,
        ]
    )
    /// RFC 7692 section 6.1: only the first frame of a message says that it is compressed.
    package static let marksContinuation = Self.inflating(
        "marks a continuation as compressed",
        [
            .send(
                Frame.text("before").encoded + Frame(.binary, [1], isFinal: false).encoded
                    + Frame(.continuation, [1], reservedBits: 4).encoded
            ), .receiveClose,
        ]
    )
    package static let compressesPing = Self.inflating(
        "compresses a ping",
        [.send(Frame.text("before").encoded + Frame(.ping, [1], reservedBits: 4).encoded), .receiveClose]
    )

    /// For clients that offer permessage-deflate.
    private static func inflating(_ description: String, _ steps: [Step]) -> HostileServer {
        HostileServer(description, [.acceptUpgrade(extensions: "permessage-deflate")] + steps)
    }

    /// About so many zeros as DEFLATE has them. Of the last piece of a message the end is taken off (RFC 7692 section 7.2.1).
    ///
    /// A block with fixed codes (RFC 1951 section 3.2.6): the literal 0, then copies of 258 bytes from one byte before.
    static func zeros(_ count: Int, isLast: Bool = true) -> [UInt8] {
        var bits = BitWriter()
        bits.append(0b010, count: 3)  // not the last block, fixed codes; numbers have their lowest bit first
        bits.appendCode(0b0011_0000, count: 8)  // the literal 0
        for _ in 0..<max(0, count - 1) / 258 {
            bits.appendCode(0b1100_0101, count: 8)  // length 258
            bits.appendCode(0b00000, count: 5)  // distance 1
        }
        bits.appendCode(0, count: 7)  // end of block
        bits.append(0, count: 3)  // an empty stored block, by which the data ends at a byte
        return isLast ? bits.bytes : bits.bytes + [0, 0, 0xFF, 0xFF]
    }
}

private struct BitWriter {
    private(set) var bytes: [UInt8] = []
    private var used = 8

    mutating func append(_ number: UInt32, count: Int) {
        for bit in 0..<count { self.append(number >> UInt32(bit) & 1) }
    }

    /// Huffman codes have their highest bit first.
    mutating func appendCode(_ code: UInt32, count: Int) {
        for bit in (0..<count).reversed() { self.append(code >> UInt32(bit) & 1) }
    }

    private mutating func append(_ bit: UInt32) {
        if self.used == 8 {
            self.bytes.append(0)
            self.used = 0
        }
        self.bytes[self.bytes.count - 1] |= UInt8(bit) << UInt8(self.used)
        self.used += 1
    }
}
