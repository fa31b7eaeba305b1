/// Finds the frames in what a server sends: gathers each header, whatever pieces it comes in, and holds the rules that
/// depend on the frames before it.
///
///                  text/binary, FIN                     continuation
///                      ┌────┐                              ┌────┐
///                      │    ▼    text/binary, not FIN      │    ▼
///                    between  ──────────────────────────▶  inside
///                    messages ◀──────────────────────────  a message
///                                 continuation, FIN
///
/// Control frames change neither state. Every pair that is not drawn is a protocol error (RFC 6455 section 5.4).
package struct FrameParser: Sendable {
    /// The bytes of a header that has not come as a whole: ten hold every header without a masking key.
    private var gathered = InlineArray<10, UInt8>(repeating: 0)
    private var gatheredCount: UInt8 = 0

    /// Whether a fragmented message has begun and not ended.
    package private(set) var isInsideMessage = false

    /// Whether permessage-deflate was negotiated, which gives RSV1 a meaning.
    package let allowsCompression: Bool

    package init(allowsCompression: Bool) {
        self.allowsCompression = allowsCompression
    }

    /// Whether a header has begun and not ended.
    package var isInsideHeader: Bool { self.gatheredCount > 0 }

    /// Whether no part of a header is held and no message is open.
    package var isAtMessageStart: Bool { self.gatheredCount == 0 && !self.isInsideMessage }

    /// Takes a header from the start of `input`; nil, with the input used up, if it is not complete yet.
    package mutating func nextHeader(
        _ input: inout UnsafeRawBufferPointer
    ) throws(ProtocolFailure) -> FrameHeader? {
        if self.gatheredCount == 0 {
            if let (header, size) = try Self.parseUnmasked(input) {
                input = UnsafeRawBufferPointer(rebasing: input[size...])
                try self.receivedHeader(header)
                return header
            }
            // Not complete, hence shorter than ten bytes.
        }
        return try self.gather(&input)
    }

    private mutating func gather(_ input: inout UnsafeRawBufferPointer) throws(ProtocolFailure) -> FrameHeader? {
        while let byte = input.first {
            input = UnsafeRawBufferPointer(rebasing: input.dropFirst())
            self.gathered[Int(self.gatheredCount)] = byte
            self.gatheredCount += 1
            if let header = try self.parseGathered() {
                self.gatheredCount = 0
                try self.receivedHeader(header)
                return header
            }
        }
        return nil
    }

    private func parseGathered() throws(ProtocolFailure) -> FrameHeader? {
        // A copy on the stack: `withUnsafeBytes` wants memory, and ten bytes are few.
        var copy = self.gathered
        let count = Int(self.gatheredCount)
        return try withUnsafeBytes(of: &copy) { bytes throws(ProtocolFailure) in
            try Self.parseUnmasked(UnsafeRawBufferPointer(rebasing: bytes[..<count]))?.header
        }
    }

    /// Section 5.1: "A client MUST close a connection if it detects a masked frame." Checked before the rest of the
    /// header is waited for, so that ten bytes are always enough.
    private static func parseUnmasked(
        _ bytes: UnsafeRawBufferPointer
    ) throws(ProtocolFailure) -> (header: FrameHeader, size: Int)? {
        let parsed = try FrameHeader.parse(bytes)
        if bytes.count >= 2 && bytes[1] & 0x80 != 0 {
            throw .protocolError("masked frame from a server")
        }
        return parsed
    }

    /// The rules between frames.
    private mutating func receivedHeader(_ header: FrameHeader) throws(ProtocolFailure) {
        if header.isCompressed && !self.allowsCompression {
            throw .protocolError("reserved bit RSV1 set in a \(header.opcode) frame, but no compression was negotiated")
        }
        switch header.opcode {
        case .text, .binary:
            if self.isInsideMessage {
                throw .protocolError("\(header.opcode) frame inside a fragmented message")
            }
            self.isInsideMessage = !header.isFinal
        case .continuation:
            if !self.isInsideMessage {
                throw .protocolError("continuation frame outside a fragmented message")
            }
            self.isInsideMessage = !header.isFinal
        case .close, .ping, .pong:
            break
        }
    }
}
