import Testing
import WebSocketCore

/// The limits on the size and on the number of fragments of a message.
@Suite struct MessageLimitTests {
    private func failure(
        _ stream: [UInt8],
        size: Int = 1000,
        fragments: Int = 10,
        deliversFragments: Bool = false
    ) -> ProtocolFailure? {
        var decoder = InboundDecoder(
            configuration: .init(maximumMessageSize: size, maximumFragmentsPerMessage: fragments),
            inflater: nil
        )
        decoder.deliversFragments = deliversFragments
        let seen = DecoderDriver.decode(stream, with: &decoder)
        #expect((seen.last == .failure(decoder.failure?.closeCode.rawValue ?? 0)) == (decoder.failure != nil))
        return decoder.failure
    }

    @Test(arguments: [false, true])
    func aHeaderIsEnoughToRefuseALargeMessage(deliversFragments: Bool) {
        let exact: [UInt8] = [0x82, 126, 0x03, 0xE8]
        let larger: [UInt8] = [0x82, 126, 0x03, 0xE9]
        #expect(self.failure(exact, deliversFragments: deliversFragments) == nil)
        #expect(
            self.failure(larger, deliversFragments: deliversFragments)
                == ProtocolFailure(.messageTooBig, "message of 1001 bytes exceeds the limit of 1000")
        )
    }

    @Test(arguments: [false, true])
    func fragmentsCountTogether(deliversFragments: Bool) {
        let start = frame(.binary, [UInt8](repeating: 1, count: 600), isFinal: false)
        let fits = start + frame(.continuation, [UInt8](repeating: 1, count: 400))
        #expect(self.failure(fits + fits, deliversFragments: deliversFragments) == nil)
        #expect(
            self.failure(start + [0x00, 126, 0x01, 0x91], deliversFragments: deliversFragments)
                == ProtocolFailure(.messageTooBig, "message of at least 1001 bytes exceeds the limit of 1000")
        )
    }

    @Test func smallMessagesKeepASmallLimit() {
        #expect(self.failure(frame(.binary, "abc".bytes), size: 3) == nil)
        #expect(self.failure(frame(.binary, "abcd".bytes), size: 3)?.closeCode == .messageTooBig)
        #expect(self.failure(frame(.text, "abcd".bytes), size: 3)?.closeCode == .messageTooBig)
        #expect(self.failure(frame(.text), size: 0) == nil)
        #expect(self.failure(frame(.text, "a".bytes), size: 0)?.closeCode == .messageTooBig)
    }

    @Test func controlFramesDoNotCount() {
        let stream =
            frame(.binary, "ab".bytes, isFinal: false) + frame(.ping, [UInt8](repeating: 1, count: 125))
            + frame(.continuation, "c".bytes)
        #expect(self.failure(stream, size: 3) == nil)
    }

    @Test func lengthsThatWouldOverflowAreRefused() {
        let huge: [UInt8] = [0x80, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
        let stream = frame(.binary, [1], isFinal: false) + huge
        #expect(self.failure(stream)?.closeCode == .messageTooBig)
        #expect(self.failure(stream, size: .max)?.closeCode == .messageTooBig)
    }

    @Test func emptyFragmentsComeToAnEnd() {
        let start = frame(.text, isFinal: false)
        let fragments = [UInt8](Array(repeating: frame(.continuation, isFinal: false), count: 8).joined())
        #expect(self.failure(start + fragments + frame(.continuation)) == nil)
        #expect(
            self.failure(start + fragments + [0x00, 0, 0x00])
                == nil
        )
        #expect(
            self.failure(start + fragments + [0x00, 0, 0x00, 0])
                == ProtocolFailure(.policyViolation, "message of more than 10 fragments")
        )
        // The next message begins anew.
        let whole = start + fragments + frame(.continuation)
        #expect(self.failure(whole + whole) == nil)
    }

    @Test func theDefaultIsOneMebibyte() {
        let limit = 1 << 20
        #expect(InboundDecoder.Configuration().maximumMessageSize == limit)
        #expect(DecoderDriver.decode(frame(.binary, [UInt8](repeating: 0, count: limit))).count == 1)
        #expect(DecoderDriver.decode(frame(.binary, [UInt8](repeating: 0, count: limit + 1))) == [.failure(1009)])
    }
}
