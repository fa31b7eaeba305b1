import Testing
import WebSocketCore
import WebSocketNova

@Suite("Frames that are sent")
struct WebSocketFrameTests {
    private func refusal(_ frame: WebSocketFrame) -> WebSocketError? {
        do throws(WebSocketError) {
            try frame.validate()
            return nil
        } catch {
            return error
        }
    }

    @Test("F56: of the codes from 0 to 5000 the assigned are taken, the reserved and all others refused by name")
    func codes() {
        let reserved: Set<UInt16> = [1004, 1005, 1006, 1015]
        var taken = 0
        for value in 0...5000 as ClosedRange<UInt16> {
            let isAssigned = (1000...1014).contains(value) || (3000...4999).contains(value)
            let error = self.refusal(.close(WebSocketCloseCode(rawValue: value), reason: "r"))
            if isAssigned && !reserved.contains(value) {
                taken += 1
                if error != nil { Issue.record("\(value) was refused") }
            } else if error?.code != .invalidCloseCode || error?.message.contains("\(value)") != true {
                Issue.record("\(value): \(String(describing: error))")
            }
        }
        #expect(taken == 12 + 2000)
        // Without a reason, 1005 stands for a Close frame without a code.
        #expect(self.refusal(.close()) == nil)
    }

    @Test("F57: a control payload of 125 bytes is taken, one of 126 refused by name")
    func controlPayload() {
        for size in [0, 1, 125] {
            let payload = [UInt8](repeating: 1, count: size)
            #expect(self.refusal(.ping(payload)) == nil && self.refusal(.pong(payload)) == nil)
        }
        let long = [UInt8](repeating: 1, count: 126)
        for frame in [WebSocketFrame.ping(long), .pong(long)] {
            let error = self.refusal(frame)
            #expect(error?.code == .controlFrameTooLarge && error?.message.contains("126") == true)
        }
        #expect(self.refusal(.binary(long)) == nil)
    }

    @Test("F58: a close reason of 123 bytes is taken, one of 124 refused by name, counted in bytes")
    func reason() {
        #expect(self.refusal(.close(.normalClosure, reason: String(repeating: "x", count: 123))) == nil)
        for reason in [String(repeating: "x", count: 124), String(repeating: "é", count: 62)] {
            let error = self.refusal(.close(.normalClosure, reason: reason))
            #expect(error?.code == .invalidCloseReason && error?.message.contains("124") == true)
        }
    }
}
