public import WebSocketCore

extension InMemoryPeer {
    /// What a client sends: a message, or a control frame.
    public enum Message: Sendable, Hashable {
        /// A text message.
        case text(String)
        /// A binary message.
        case binary([UInt8])
        /// A ping, if ``InMemoryPeer/answersPings`` is off.
        case ping([UInt8])
        /// A pong.
        case pong([UInt8])
        /// A Close frame; 1005 stands for none in it.
        case close(WebSocketCloseCode, reason: String)
    }
}

extension InMemoryPeer.Message {
    init(_ opcode: ScriptedServer.Frame.Opcode, _ payload: [UInt8]) throws(TestServerError) {
        guard opcode == .text else {
            self = .binary(payload)
            return
        }
        guard let text = String(validating: payload, as: UTF8.self) else {
            throw TestServerError("the client broke the protocol: a text message that is not UTF-8")
        }
        self = .text(text)
    }

    init(close payload: [UInt8]) throws(TestServerError) {
        let parsed: Result<CloseFrame, ProtocolFailure> = payload.withUnsafeBytes { bytes in
            do throws(ProtocolFailure) {
                return .success(try CloseFrame(parsing: bytes))
            } catch {
                return .failure(error)
            }
        }
        switch parsed {
        case .success(let frame): self = .close(frame.code, reason: frame.reason)
        case .failure(let failure): throw TestServerError("the client broke the protocol: \(failure.message)")
        }
    }
}

extension InMemoryPeer.End {
    /// What the client's side is told says who ended the connection.
    init(_ closure: TransportClosure) {
        switch closure {
        case .local: self = .client
        case .peer, .refused: self = .peer
        case .failed: self = .network
        }
    }
}
