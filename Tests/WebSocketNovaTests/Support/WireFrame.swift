import Testing
import WebSocketCore

@testable import WebSocketNova

/// A client's frame, read and unmasked byte by byte: nothing of it is shared with the code that wrote it.
struct WireFrame: Equatable {
    var opcode: UInt8
    var isFinal: Bool
    var isCompressed: Bool
    var payload: [UInt8]

    var text: String { String(decoding: self.payload, as: UTF8.self) }

    /// All frames of the bytes, which must be whole and masked.
    static func all(in bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) throws -> [WireFrame] {
        var frames: [WireFrame] = []
        var position = 0
        func byte() throws -> UInt8 {
            try #require(position < bytes.count, "the last frame is cut", sourceLocation: sourceLocation)
            defer { position += 1 }
            return bytes[position]
        }
        while position < bytes.count {
            let first = try byte()
            let second = try byte()
            try #require(second & 0x80 != 0, "a frame without a mask", sourceLocation: sourceLocation)
            var length = Int(second & 0x7F)
            if length > 125 {
                let count = length == 126 ? 2 : 8
                length = 0
                for _ in 0..<count { length = length << 8 | Int(try byte()) }
            }
            let key = [try byte(), try byte(), try byte(), try byte()]
            var payload: [UInt8] = []
            for index in 0..<length { payload.append(try byte() ^ key[index % 4]) }
            frames.append(
                WireFrame(
                    opcode: first & 0x0F,
                    isFinal: first & 0x80 != 0,
                    isCompressed: first & 0x40 != 0,
                    payload: payload
                )
            )
        }
        return frames
    }
}

extension OutboundQueue {
    /// Does what the loop does: takes all that waits, and says that the kernel has it.
    func drain() -> [UInt8] {
        var all: [UInt8] = []
        while true {
            var buffer = OutboundBuffer()
            self.takePending(&buffer)
            if buffer.isEmpty { break }
            all += buffer.pending
        }
        self.update(outstanding: 0)
        return all
    }
}
