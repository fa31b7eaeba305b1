import Glibc
import WebSocketCore
import WebSocketNovaTesting

/// One client of a ``MockExchangeServer``: its socket, its session, and the frames between them. It lives on the server's
/// thread.
final class ExchangeConnection {
    enum Phase {
        /// The upgrade request is awaited.
        case request
        case open
        /// The last bytes go out; then the stream is ended, and the client's end is awaited for a while.
        case lingering(ExchangeRecord.End)
        case ended(ExchangeRecord.End)
    }

    typealias Frame = ScriptedServer.Frame

    private(set) var phase = Phase.request
    private(set) var session: ExchangeSession?
    /// Until when the client may take to answer a Close frame, or to end the stream.
    private(set) var deadline: Duration?
    private var socket: ScriptSocket?
    private var inbox: [UInt8] = []
    private var outbox: [UInt8] = []
    private var written = 0
    private var fragments: [UInt8]?
    private var readEnd: ExchangeRecord.End?
    private var hasShutDown = false
    private var hasSentClose = false
    /// What was read and written, for the record; taken by the loop.
    var received: [Frame.Opcode: Int] = [:]
    var sent: [Frame.Opcode: Int] = [:]
    var receivedCloseCode: WebSocketCloseCode?

    static let maximumMessage = 1 << 20
    static let maximumOutbox = 64 << 20
    /// A client with a reader that is busy may take its time before it answers a Close frame.
    private static let patience = Duration.seconds(5)

    init(_ socket: consuming ScriptSocket) {
        self.socket = consume socket
    }

    // MARK: Polling

    /// What poll() is to wait for; a descriptor of -1 is left out.
    var interest: pollfd {
        let events = POLLIN | (self.written < self.outbox.count ? POLLOUT : 0)
        return pollfd(fd: self.socket?.descriptor ?? -1, events: Int16(events), revents: 0)
    }

    var isEnded: Bool {
        guard case .ended = self.phase else { return false }
        return true
    }

    var isOpen: Bool {
        guard case .open = self.phase else { return false }
        return true
    }

    /// When something is to be done without the client.
    var nextDeadline: Duration? {
        [self.deadline, self.isOpen ? self.session?.nextDeadline : nil].compactMap(\.self).min()
    }

    // MARK: The request

    /// The head of the upgrade request, if it has come as a whole.
    func takeRequest() -> ArraySlice<UInt8>? {
        guard case .request = self.phase else { return nil }
        let end: [UInt8] = [13, 10, 13, 10]
        guard let place = self.inbox.firstRange(of: end) else {
            if self.inbox.count > 65_536 { self.drop(.dropped) }
            return nil
        }
        let head = self.inbox[..<place.upperBound]
        self.inbox.removeFirst(place.upperBound)
        return head
    }

    func accept(_ session: ExchangeSession, _ answer: String) {
        self.session = session
        self.phase = .open
        self.outbox += answer.utf8
    }

    func refuse(_ answer: String, _ now: Duration) {
        self.outbox += answer.utf8
        self.linger(.refused, now)
    }

    // MARK: The session

    /// Gives the session something, and does what it answers.
    func withSession(_ now: Duration, _ body: (inout ExchangeSession) -> [ExchangeSession.Command]) {
        guard self.isOpen, !self.hasSentClose, var session = self.session else { return }
        // Taken out, so that its collections are not copied.
        self.session = nil
        let commands = body(&session)
        self.session = session
        for command in commands { self.perform(command, now) }
    }

    func perform(_ command: ExchangeSession.Command, _ now: Duration) {
        guard self.isOpen else { return }
        switch command {
        case .send(let text): self.send(.text(text))
        case .sendHalf(let text): self.sendHalf(text, resetting: false)
        case .close(let code, let reason): self.close(code, reason, now)
        case .drop: self.drop(.dropped)
        }
    }

    func close(_ code: WebSocketCloseCode, _ reason: String, _ now: Duration) {
        guard self.isOpen, !self.hasSentClose else { return }
        self.send(.close(code, reason: reason))
        self.hasSentClose = true
        self.deadline = now + Self.patience
    }

    private func send(_ frame: Frame) {
        guard !self.hasSentClose else { return }
        self.sent[frame.opcode, default: 0] += 1
        self.outbox += frame.encoded
        if self.outbox.count - self.written > Self.maximumOutbox { self.drop(.overflowed) }
    }

    /// Sends what waits and about half of a frame, and ends the stream or resets the connection.
    func sendHalf(_ text: String, resetting: Bool) {
        guard self.isOpen, !self.hasSentClose else { return }
        let bytes = Frame.text(text).encoded
        self.outbox += bytes.prefix(max(1, bytes.count / 2))
        self.flush()
        self.drop(.dropped, resetting: resetting)
    }

    /// Ends the connection without a Close frame: by a reset, which drops what waits, or by the end of the stream.
    func drop(_ end: ExchangeRecord.End, resetting: Bool = true) {
        if resetting { self.socket?.resetOnClose() }
        self.socket = nil
        self.phase = .ended(end)
    }

    private func linger(_ end: ExchangeRecord.End, _ now: Duration) {
        self.phase = .lingering(end)
        self.deadline = now + Self.patience
    }

    // MARK: Reading

    /// Reads what there is. That the stream has ended counts when what came before it has been dealt with.
    func read() {
        do throws(ScriptSocket.Interruption) {
            // Some chunks at a time: a client that floods does not hold up the others.
            for _ in 0..<16 { if try self.socket?.read(into: &self.inbox) != true { return } }
        } catch {
            if case .endOfStream = error { self.readEnd = .endOfStream } else { self.readEnd = .broken }
        }
    }

    func processEnd() {
        guard let readEnd, !self.isEnded else { return }
        guard case .lingering(let end) = self.phase else { return self.drop(readEnd, resetting: false) }
        self.drop(end, resetting: false)
    }

    /// Takes the frames that have come.
    func processFrames(_ now: Duration) {
        if case .lingering = self.phase { self.inbox = [] }
        var position = 0
        while self.isOpen, let (frame, count) = Frame.parse(self.inbox[position...]) {
            position += count
            self.received[frame.opcode, default: 0] += 1
            self.process(frame, now)
        }
        self.inbox.removeFirst(position)
        // A frame's header has at most 14 bytes.
        if self.isOpen, self.inbox.count > Self.maximumMessage + 14 { self.fail(.messageTooBig, "", now) }
    }

    private func process(_ frame: Frame, _ now: Duration) {
        guard frame.maskingKey != nil else { return self.fail(.protocolError, "not masked", now) }
        switch frame.opcode {
        case .ping:
            self.send(Frame(.pong, frame.payload))
        case .pong:
            break
        case .close:
            self.processClose(frame.payload, now)
        case .text where self.fragments == nil, .continuation where self.fragments != nil:
            self.processText(frame, now)
        case .binary:
            self.fail(.unsupportedData, "text only", now)
        default:
            self.fail(.protocolError, "unexpected opcode", now)
        }
    }

    /// The client broke the protocol: what else it sends is not read as frames.
    private func fail(_ code: WebSocketCloseCode, _ reason: String, _ now: Duration) {
        if !self.hasSentClose { self.send(.close(code, reason: reason)) }
        self.hasSentClose = true
        self.linger(.dropped, now)
    }

    private func processText(_ frame: Frame, _ now: Duration) {
        let bytes = (self.fragments ?? []) + frame.payload
        guard bytes.count <= Self.maximumMessage else { return self.fail(.messageTooBig, "", now) }
        guard frame.isFinal else {
            self.fragments = bytes
            return
        }
        self.fragments = nil
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return self.fail(.invalidFramePayloadData, "not UTF-8", now)
        }
        self.withSession(now) { $0.received(text, now: now) }
    }

    private func processClose(_ payload: [UInt8], _ now: Duration) {
        let code = payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : 1005
        self.receivedCloseCode = WebSocketCloseCode(rawValue: code)
        if !self.hasSentClose { self.send(Frame(.close, Array(payload.prefix(2)))) }
        self.hasSentClose = true
        self.linger(.closed, now)
    }

    // MARK: Writing and time

    /// Writes as much as the client takes.
    func flush() {
        do throws(ScriptSocket.Interruption) {
            while self.written < self.outbox.count {
                let count = try self.socket?.write(self.outbox[self.written...]) ?? 0
                if count == 0 { break }
                self.written += count
            }
        } catch {
            return self.drop(.broken, resetting: false)
        }
        if self.written == self.outbox.count {
            self.outbox = []
            self.written = 0
            self.shutDownAfterLastByte()
        } else if self.written > 1 << 20 {
            self.outbox.removeFirst(self.written)
            self.written = 0
        }
    }

    private func shutDownAfterLastByte() {
        guard case .lingering = self.phase, !self.hasShutDown else { return }
        self.socket?.shutdownWrite()
        self.hasShutDown = true
    }

    func timePassed(_ now: Duration) {
        if let deadline, deadline <= now {
            guard case .lingering(let end) = self.phase else { return self.drop(.dropped) }
            return self.drop(end)
        }
        self.withSession(now) { session in
            guard let due = session.nextDeadline, due <= now else { return [] }
            return session.timePassed(now: now)
        }
    }
}
