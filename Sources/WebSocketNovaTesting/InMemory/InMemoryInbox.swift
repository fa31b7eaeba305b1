import Synchronization
import WebSocketCore

/// What a client has sent to an ``InMemoryPeer``: frames, taken apart as they come.
///
/// Pings and Close frames are answered here, so that it does not matter whether anybody receives.
///
/// `@unchecked Sendable` because it is only touched on its loop, but for the switches, which are atomic.
final class InMemoryInbox: @unchecked Sendable {
    typealias Frame = ScriptedServer.Frame

    let answersPings = Atomic(true)
    let answersClose = Atomic(true)
    /// How many bytes of frames may wait to be received before the peer's host takes no more.
    let window = Atomic(InMemoryPeer.defaultReceiveWindow)

    /// The side on which answers go out.
    weak var channel: InMemoryChannel?
    let frames: LoopMailbox<Frame>
    /// The peer takes nothing.
    private(set) var isHeldBack = false
    /// Nobody has the peer any more, and so nobody will receive.
    private var isAbandoned = false
    /// What has come of a frame that has not come as a whole.
    private var partial = OutboundBuffer()
    /// How many bytes wait in ``frames``.
    private var waitingCount = 0
    private var hasFailed = false
    /// A Close frame has gone to the client.
    private var hasSentClose = false

    init(_ loop: InMemoryLoop) {
        self.frames = LoopMailbox(loop)
        self.frames.didTake = { [weak self] frame in self?.took(frame) }
    }

    // MARK: From the client

    var hasRoom: Bool { !self.isHeldBack && self.waitingCount < max(1, self.window.load(ordering: .relaxed)) }

    func append(_ bytes: UnsafeRawBufferPointer) {
        guard !self.hasFailed else { return }
        self.partial.appendRaw(bytes)
        do throws(ProtocolFailure) {
            while let frame = try Self.nextFrame(&self.partial) { self.received(frame) }
        } catch {
            self.hasFailed = true
            self.partial.removeAll()
            self.frames.finish(throwing: TestServerError("the client broke the protocol: \(error.message)"))
        }
    }

    private static func nextFrame(_ buffer: inout OutboundBuffer) throws(ProtocolFailure) -> Frame? {
        let bytes = buffer.pending
        guard let (header, size) = try FrameHeader.parse(bytes) else { return nil }
        guard let key = header.maskingKey else { throw ProtocolFailure(.protocolError, "a frame without a mask") }
        guard bytes.count - size >= header.payloadLength else { return nil }
        var payload = Array(bytes[size..<(size + header.payloadLength)])
        payload.withUnsafeMutableBytes { Masking.apply(key, to: $0) }
        let frame = Frame(
            Frame.Opcode(rawValue: header.opcode.rawValue),
            payload,
            isFinal: header.isFinal,
            // RSV1, which marks a compressed message.
            reservedBits: header.isCompressed ? 4 : 0,
            maskingKey: Array(bytes[(size - 4)..<size])
        )
        buffer.consume(size + header.payloadLength)
        return frame
    }

    private func received(_ frame: Frame) {
        if frame.opcode == .ping, self.answersPings.load(ordering: .relaxed) {
            self.channel?.deliver(Frame(.pong, frame.payload))
            return
        }
        if !self.isAbandoned, self.frames.push(frame) { self.waitingCount += frame.payload.count }
        if frame.opcode == .close, self.answersClose.load(ordering: .relaxed) {
            if !self.hasSentClose { self.channel?.deliver(Frame(.close, Array(frame.payload.prefix(2)))) }
            // RFC 6455 section 7.1.1: the server ends the TCP connection.
            self.channel?.endStream(.endOfStream)
        }
    }

    /// The stream has ended.
    func finish() {
        self.partial.removeAll()
        self.frames.finish()
    }

    // MARK: The peer

    private func took(_ frame: Frame) {
        self.waitingCount -= frame.payload.count
        self.channel?.pump()
    }

    func hold(_ isHeldBack: Bool) {
        self.isHeldBack = isHeldBack
        self.channel?.pump()
    }

    func windowChanged() { self.channel?.pump() }

    func sentClose() { self.hasSentClose = true }

    /// Nobody has the peer any more: what comes is answered as before, and not kept.
    func abandon() {
        self.isAbandoned = true
        self.frames.removeAll()
        self.waitingCount = 0
        self.channel?.pump()
    }
}

extension InMemoryChannel {
    /// Sends a frame of the peer's to the client.
    func deliver(_ frame: ScriptedServer.Frame) {
        if frame.opcode == .close { self.inbox.sentClose() }
        frame.encoded.withUnsafeBytes { self.deliver($0) }
    }

    /// Nobody has the peer any more.
    func abandon() {
        self.inbox.abandon()
        if self.state == .offered { self.endStream(.endOfStream) }
    }
}
