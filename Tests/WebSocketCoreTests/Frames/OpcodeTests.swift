import Testing
import WebSocketCore

@Suite struct OpcodeTests {
    @Test func sixOfSixteenAreDefined() {
        let defined = (UInt8(0)...15).filter { Opcode(rawValue: $0) != nil }
        #expect(defined == [0, 1, 2, 8, 9, 10])
        #expect(Opcode.allCases.filter(\.isControl) == [.close, .ping, .pong])
    }
}
