/// What a frame is (RFC 6455 section 5.2). Opcodes 3 to 7 and 11 to 15 are reserved and have no case.
package enum Opcode: UInt8, Sendable, Hashable, CaseIterable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Close, ping and pong: never fragmented, at most 125 bytes, may stand between the fragments of a message.
    @inlinable
    package var isControl: Bool { self.rawValue & 0x8 != 0 }
}

extension Opcode: CustomStringConvertible {
    package var description: String {
        switch self {
        case .continuation: "continuation"
        case .text: "text"
        case .binary: "binary"
        case .close: "close"
        case .ping: "ping"
        case .pong: "pong"
        }
    }
}
