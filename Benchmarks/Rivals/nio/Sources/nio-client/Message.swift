import NIOCore
import NIOWebSocket

/// What is sent, of an echo or to a sink, and what is expected to come.
struct Message: Sendable {
    let opcode: WebSocketOpcode
    private let payload: ByteBuffer

    init(_ assignment: Assignment) {
        self.opcode = assignment.isText ? .text : .binary
        // With room for the longest header in front, which the encoder then puts there instead of into a buffer of its own.
        var payload = ByteBufferAllocator().buffer(capacity: Self.header + assignment.size)
        payload.moveWriterIndex(to: Self.header)
        payload.moveReaderIndex(to: Self.header)
        payload.writeBytes(assignment.payload)
        self.payload = payload
    }

    private static let header = 14

    var frame: WebSocketFrame {
        WebSocketFrame(fin: true, opcode: self.opcode, maskKey: .random(), data: self.payload)
    }

    /// The size of a received message; nil if it is of the other kind, a control frame, or a text that is not UTF-8.
    func size(of frame: WebSocketFrame) -> Int? {
        guard frame.opcode == self.opcode else { return nil }
        var data = frame.data
        let size = data.readableBytes
        guard self.opcode == .text else { return size }
        return (try? data.readUTF8ValidatedString(length: size)) == nil ? nil : size
    }
}

extension WebSocketFrame {
    /// A Close with this code (RFC 6455 section 5.5.1).
    static func close(_ code: WebSocketErrorCode) -> WebSocketFrame {
        var data = ByteBuffer()
        data.write(webSocketErrorCode: code)
        return WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: data)
    }

    var isAcknowledgement: Bool { self.opcode == .text && self.data.readableBytesView.elementsEqual("ok".utf8) }
}
