import Testing
import WebSocketCore

@Suite struct CloseFrameTests {
    private func parse(_ payload: [UInt8]) throws -> CloseFrame {
        try payload.withUnsafeBytes { try CloseFrame(parsing: $0) }
    }

    @Test func anEmptyPayloadIsNoStatus() throws {
        let frame = try self.parse([])
        #expect(frame.code == .noStatusReceived)
        #expect(frame.reason == "")
        #expect(frame == .withoutCode)
        #expect(frame.payload == [])
    }

    @Test func oneByteIsNoCode() {
        #expect(throws: ProtocolFailure(.protocolError, "close frame with a payload of 1 byte")) { try self.parse([3]) }
    }

    @Test("F56: every code is judged alike both ways") func everyCodeIsJudgedAlikeBothWays() throws {
        for value in UInt16.min...UInt16.max {
            let legal =
                (1000...1003).contains(value) || (1007...1014).contains(value) || (3000...4999).contains(value)
            let received = try? self.parse([UInt8(value >> 8), UInt8(value & 0xFF)])
            let sent = try? CloseFrame(code: WebSocketCloseCode(rawValue: value))
            if (received != nil) != legal || (sent != nil) != legal { Issue.record("close code \(value)") }
            if legal && sent?.payload != [UInt8(value >> 8), UInt8(value & 0xFF)] {
                Issue.record("payload of \(value)")
            }
        }
    }

    @Test("F58: a reason that comes must be UTF-8") func theReasonIsUTF8() throws {
        #expect(try self.parse([0x03, 0xE8] + "κόσμε 😀".bytes).reason == "κόσμε 😀")
        for reason in [[0xFF], [0x61, 0xC0, 0x80], [0xE2, 0x82]] as [[UInt8]] {
            let failure = #expect(throws: ProtocolFailure.self) { try self.parse([0x03, 0xE8] + reason) }
            #expect(failure?.closeCode == .invalidFramePayloadData)
        }
    }

    @Test("F58: a reason of 123 bytes fits, one of 124 does not") func aReasonOf123BytesFits() throws {
        let longest = String(repeating: "é", count: 61) + "x"
        let frame = try CloseFrame(code: .goingAway, reason: longest)
        #expect(frame.payload.count == 125)
        #expect(try self.parse(frame.payload) == frame)

        let error = #expect(throws: WebSocketError.self) {
            try CloseFrame(code: .goingAway, reason: longest + "x")
        }
        #expect(error?.code == .invalidCloseReason)
        #expect(error?.message.contains("124 bytes") == true)
    }

    @Test func aRefusedCodeIsNamed() {
        let error = #expect(throws: WebSocketError.self) { try CloseFrame(code: 1005) }
        #expect(error?.code == .invalidCloseCode)
        #expect(error?.message.contains("1005") == true)
    }
}
