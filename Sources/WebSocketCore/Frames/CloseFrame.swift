/// The payload of a Close frame: nothing, or a code and a reason (RFC 6455 section 5.5.1).
package struct CloseFrame: Hashable, Sendable {
    /// 1005 where the payload is empty.
    package let code: WebSocketCloseCode
    package let reason: String

    /// Two of the 125 bytes of a control frame are the code's.
    package static let maximumReasonSize = FrameHeader.maximumControlPayload - 2

    /// A Close frame without a code, the answer to one without a code.
    package static let withoutCode = CloseFrame(uncheckedCode: .noStatusReceived, reason: "")

    /// A Close frame to send.
    ///
    /// - Throws: `invalidCloseCode` if the code must not be on the wire, `invalidCloseReason` if the reason is too long.
    package init(code: WebSocketCloseCode, reason: String = "") throws(WebSocketError) {
        guard code.isSendable else {
            throw WebSocketError(
                .invalidCloseCode,
                "close code \(code) must not be sent; legal are 1000-1003, 1007-1014 and 3000-4999"
            )
        }
        let size = reason.utf8.count
        guard size <= Self.maximumReasonSize else {
            throw WebSocketError(
                .invalidCloseReason,
                "close reason of \(size) bytes exceeds the limit of \(Self.maximumReasonSize): \"\(reason.prefix(40))…\""
            )
        }
        self.init(uncheckedCode: code, reason: reason)
    }

    private init(uncheckedCode code: WebSocketCloseCode, reason: String) {
        self.code = code
        self.reason = reason
    }

    /// Reads the payload of a Close frame that a peer sent.
    package init(parsing payload: UnsafeRawBufferPointer) throws(ProtocolFailure) {
        guard !payload.isEmpty else {
            self = .withoutCode
            return
        }
        guard payload.count >= 2 else {
            throw .protocolError("close frame with a payload of 1 byte")
        }
        let code = WebSocketCloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
        guard code.isSendable else {
            throw .protocolError("close frame with code \(code), which must not be sent")
        }
        let reason = UnsafeRawBufferPointer(rebasing: payload[2...])
        if let position = UTF8Validator.firstInvalidByte(of: reason) {
            throw ProtocolFailure(
                .invalidFramePayloadData,
                "close frame with code \(code) whose reason is not UTF-8 from byte \(position) on"
            )
        }
        self.init(uncheckedCode: code, reason: String(decoding: reason, as: UTF8.self))
    }

    /// The payload on the wire.
    package var payload: [UInt8] {
        if self.code == .noStatusReceived { return [] }
        return [UInt8(self.code.rawValue >> 8), UInt8(self.code.rawValue & 0xFF)] + Array(self.reason.utf8)
    }
}
