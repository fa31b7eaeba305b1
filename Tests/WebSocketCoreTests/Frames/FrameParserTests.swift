import Testing
import WebSocketCore

@Suite struct FrameParserTests {
    private func headers(
        _ pieces: [[UInt8]],
        allowsCompression: Bool = false
    ) throws -> [FrameHeader] {
        var parser = FrameParser(allowsCompression: allowsCompression)
        var found: [FrameHeader] = []
        for piece in pieces {
            try piece.withUnsafeBytes { bytes in
                var input = bytes
                while let header = try parser.nextHeader(&input) { found.append(header) }
                #expect(input.isEmpty)
            }
        }
        return found
    }

    @Test func aHeaderMayComeInAnyPieces() throws {
        let bytes: [UInt8] = [0x02, 127, 0, 0, 0, 0, 0, 1, 0, 0]
        let expected = FrameHeader(opcode: .binary, isFinal: false, payloadLength: 65_536)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let pieces = [bytes[..<first], bytes[first..<second], bytes[second...]].map(Array.init)
                #expect(try self.headers(pieces) == [expected], "cut at \(first) and \(second)")
            }
        }
    }

    @Test func theInputIsLeftAtThePayload() throws {
        var parser = FrameParser(allowsCompression: false)
        for start in [[0x82], [0x82, 126], [0x82, 126, 1]] as [[UInt8]] {
            let rest: [UInt8] = [0x82, 126, 1, 44].dropFirst(start.count) + [7, 8]
            let before = try start.withUnsafeBytes { bytes in
                var input = bytes
                return try parser.nextHeader(&input)
            }
            #expect(before == nil)
            #expect(!parser.isAtMessageStart)
            let (header, left) = try rest.withUnsafeBytes { bytes in
                var input = bytes
                return (try parser.nextHeader(&input), Array(input))
            }
            #expect(header?.payloadLength == 300)
            #expect(left == [7, 8])
            #expect(parser.isAtMessageStart)
        }
    }

    @Test func compressionGivesRSV1AMeaning() throws {
        let frames: [[UInt8]] = [[0x41, 0], [0x89, 0], [0x80, 0], [0xC2, 0], [0x82, 0]]
        #expect(
            try self.headers(frames, allowsCompression: true).map(\.isCompressed) == [true, false, false, true, false]
        )
        #expect(throws: ProtocolFailure.self) { try self.headers(frames) }
    }

    @Test(
        arguments: [
            ([[0x80, 0]], "continuation frame outside a fragmented message"),
            ([[0x01, 0], [0x82, 0]], "binary frame inside a fragmented message"),
            ([[0x02, 0], [0x80, 0], [0x00, 0]], "continuation frame outside a fragmented message"),
            ([[0x81, 0x80]], "masked frame from a server"),
            ([[0xC0]], "reserved bit RSV1 set in a continuation frame"),
        ] as [([[UInt8]], String)]
    )
    func refuses(_ frames: [[UInt8]], _ message: String) {
        #expect(throws: ProtocolFailure(.protocolError, message)) {
            try self.headers(frames, allowsCompression: true)
        }
        #expect(throws: ProtocolFailure(.protocolError, message), "byte by byte") {
            try self.headers(frames.flatMap { $0 }.map { [$0] }, allowsCompression: true)
        }
    }
}
