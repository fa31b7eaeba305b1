import Synchronization
public import WebSocketCore

/// The server's side of one connection over an ``InMemoryNetwork``: does what a test tells it to, and what a polite server does
/// besides.
///
/// A peer begins with a request that waits for an answer: ``accept(subprotocol:headers:)``, ``refuse(status:headers:body:)``,
/// ``fail(_:)``, or none at all, which is how to test the client's deadlines.
///
/// By itself it answers pings and Close frames, as RFC 6455 sections 5.5.1 and 5.5.2 demand; ``answersPings`` and
/// ``answersClose`` turn that off. Frames that wait to be received are kept up to ``receiveWindow``; then the client has to wait,
/// as it would for TCP. What the peer sends is kept without a bound until the client reads it: it is the test's own.
///
/// A peer that nobody holds any more goes on to answer pings and Close frames, and drops what else comes; if it has not answered
/// its request, the opening fails.
public actor InMemoryPeer {
    /// How a connection ended, as the peer sees it.
    public enum End: Sendable, Hashable {
        /// The client ended the stream in order.
        case client
        /// The client broke it off (TCP's reset).
        case clientReset
        /// The peer did, and the client has seen it.
        case peer
        /// The network was shut down, or the opening failed in it.
        case network
    }

    /// A frame, for what no other method does.
    public typealias Frame = ScriptedServer.Frame

    /// How many bytes of frames wait to be received by default: 1 MiB.
    public static let defaultReceiveWindow = 1 << 20

    /// Counts the requests that have reached the network's peers: 1 for the first one, 2 for that of a reconnection.
    public nonisolated let number: Int
    /// What the client asks for.
    public nonisolated let request: Request

    private nonisolated let channel: InMemoryChannel
    private nonisolated let loop: InMemoryLoop
    /// The opcode and the payload so far of a message whose last fragment has not come.
    private var message: (opcode: Frame.Opcode, payload: [UInt8])?

    init(_ channel: InMemoryChannel, number: Int) {
        self.channel = channel
        self.loop = channel.loop
        self.number = number
        self.request = Request(channel.request)
    }

    deinit {
        let channel = self.channel
        self.loop.perform { channel.abandon() }
    }

    /// It runs on the network's loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }

    // MARK: Settings

    /// Whether pings are answered by the peer itself. Default: true; then ``receive()`` does not give them.
    public nonisolated var answersPings: Bool {
        get { self.channel.inbox.answersPings.load(ordering: .relaxed) }
        set { self.channel.inbox.answersPings.store(newValue, ordering: .relaxed) }
    }

    /// Whether the peer does its part of the closing handshake by itself. Default: true; it answers a Close frame with the same
    /// code, and ends the stream when a Close frame has gone each way.
    public nonisolated var answersClose: Bool {
        get { self.channel.inbox.answersClose.load(ordering: .relaxed) }
        set { self.channel.inbox.answersClose.store(newValue, ordering: .relaxed) }
    }

    /// How many bytes of frames may wait to be received before the client has to wait. Default: ``defaultReceiveWindow``.
    public nonisolated var receiveWindow: Int {
        get { self.channel.inbox.window.load(ordering: .relaxed) }
        set {
            let inbox = self.channel.inbox
            inbox.window.store(newValue, ordering: .relaxed)
            self.loop.perform { inbox.windowChanged() }
        }
    }

    // MARK: Answering the request

    /// Answers with status 101 and the right `Sec-WebSocket-Accept`.
    ///
    /// - Parameters:
    ///   - subprotocol: the subprotocol chosen, offered or not. Default: none.
    ///   - headers: further fields. One of the names `Upgrade`, `Connection` or `Sec-WebSocket-Accept` replaces the right one.
    /// - Throws: ``TestServerError`` if the request was answered before, or its client has given up.
    public func accept(subprotocol: String? = nil, headers: HTTPFields = HTTPFields()) throws {
        var fields: HTTPFields = [
            "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Accept": WebSocketKey(value: self.request.headers["Sec-WebSocket-Key"] ?? "").accept,
        ]
        for name in fields.map(\.name) where headers.contains(name) { fields[name] = nil }
        if let subprotocol { fields.append(name: "Sec-WebSocket-Protocol", value: subprotocol) }
        for field in headers { fields.append(name: field.name, value: field.value) }
        try self.respond(status: 101, fields, body: [])
    }

    /// Refuses the upgrade with an HTTP response, a redirection for example.
    ///
    /// - Parameters:
    ///   - status: the response's status.
    ///   - headers: the response's fields; a `Content-Length` is added if there is none.
    ///   - body: the response's body.
    /// - Throws: ``TestServerError`` if the request was answered before, or its client has given up.
    public func refuse(status: Int, headers: HTTPFields = HTTPFields(), body: String = "") throws {
        var fields = headers
        let body = Array(body.utf8)
        if !fields.contains("Content-Length") { fields.append(name: "Content-Length", value: "\(body.count)") }
        try self.respond(status: status, fields, body: body)
    }

    private func respond(status: Int, _ headers: HTTPFields, body: [UInt8]) throws {
        try self.checkOffered()
        self.channel.respond(HTTPResponseHead(status: status, headers: headers), body: body)
    }

    /// Has the opening fail with an error of the transport, as the client's host would report it.
    ///
    /// - Throws: ``TestServerError`` if the request was answered before, or its client has given up.
    public func fail(_ error: WebSocketError) throws {
        try self.checkOffered()
        self.channel.finish(.failed(error), end: .peer)
    }

    private func checkOffered() throws {
        switch self.channel.state {
        case .offered: break
        case .opening, .open: throw TestServerError("the request was answered before")
        case .closed: throw TestServerError("the request has ended: the client gave up, or it was answered before")
        }
    }

    // MARK: Sending

    /// Sends a text message.
    ///
    /// - Parameters:
    ///   - text: the message.
    ///   - size: how many bytes each fragment has; nil, the default, for one frame. A fragment may end inside a character.
    /// - Throws: ``TestServerError`` if the connection is not open.
    public func send(_ text: String, inFragmentsOf size: Int? = nil) throws {
        try self.send(.text, Array(text.utf8), size)
    }

    /// Sends a binary message.
    ///
    /// - Parameters:
    ///   - bytes: the message.
    ///   - size: how many bytes each fragment has; nil, the default, for one frame.
    /// - Throws: ``TestServerError`` if the connection is not open.
    public func send(_ bytes: [UInt8], inFragmentsOf size: Int? = nil) throws {
        try self.send(.binary, bytes, size)
    }

    private func send(_ opcode: Frame.Opcode, _ payload: [UInt8], _ fragmentSize: Int?) throws {
        let size = max(1, fragmentSize ?? payload.count)
        var rest = payload[...]
        var opcode = opcode
        repeat {
            let part = rest.prefix(size)
            rest = rest.dropFirst(size)
            try self.send(Frame(opcode, Array(part), isFinal: rest.isEmpty))
            opcode = .continuation
        } while !rest.isEmpty
    }

    /// Sends a ping.
    ///
    /// - Throws: ``TestServerError`` if the connection is not open.
    public func ping(_ payload: [UInt8] = []) throws { try self.send(Frame(.ping, payload)) }

    /// Sends a pong.
    ///
    /// - Throws: ``TestServerError`` if the connection is not open.
    public func pong(_ payload: [UInt8] = []) throws { try self.send(Frame(.pong, payload)) }

    /// Sends a Close frame. The stream ends when the client has answered it, unless ``answersClose`` is off.
    ///
    /// - Throws: ``TestServerError`` if the connection is not open.
    public func close(code: WebSocketCloseCode = .normalClosure, reason: String = "") throws {
        try self.send(.close(code, reason: reason))
    }

    /// Sends a frame as it is, right or wrong.
    ///
    /// - Throws: ``TestServerError`` if the connection is not open.
    public func send(_ frame: Frame) throws {
        try self.checkOpen()
        self.channel.deliver(frame)
    }

    /// Sends bytes as they are: half a frame, several at once, nonsense.
    ///
    /// - Throws: ``TestServerError`` if the connection is not open.
    public func send(raw bytes: [UInt8]) throws {
        try self.checkOpen()
        bytes.withUnsafeBytes { self.channel.deliver($0) }
    }

    private func checkOpen() throws {
        if self.channel.takesFromPeer { return }
        throw TestServerError(
            self.channel.state == .offered ? "the request has not been accepted" : "the connection has ended"
        )
    }

    /// How many bytes of what the peer has sent the client has not read.
    public var unreadByteCount: Int { self.channel.unreadCount }

    // MARK: Receiving

    /// What the client has sent next: a whole message or a control frame.
    ///
    /// One task at a time may receive.
    ///
    /// - Returns: nil when the connection has ended, and everything that came before was received.
    /// - Throws: `CancellationError`, and then nothing is lost; ``TestServerError`` if the client broke the protocol, or its
    ///   message is compressed.
    public func receive() async throws -> Message? {
        while let frame = try await self.channel.inbox.frames.next() {
            if let message = try self.received(frame) { return message }
        }
        return nil
    }

    /// The next frame of the client, its payload without the mask.
    ///
    /// - Returns: nil when the connection has ended, and everything that came before was received.
    /// - Throws: `CancellationError`, and then nothing is lost; ``TestServerError`` if the client broke the protocol.
    public func receiveFrame() async throws -> Frame? {
        try await self.channel.inbox.frames.next()
    }

    /// Sends each message back until the connection has ended.
    ///
    /// - Throws: what ``receive()`` throws.
    public func echo() async throws {
        while let message = try await self.receive() {
            guard self.channel.takesFromPeer else { continue }
            switch message {
            case .text(let text): try self.send(text)
            case .binary(let bytes): try self.send(bytes)
            case .ping, .pong, .close: break
            }
        }
    }

    private func received(_ frame: Frame) throws -> Message? {
        switch frame.opcode {
        case .ping: return .ping(frame.payload)
        case .pong: return .pong(frame.payload)
        case .close: return try Message(close: frame.payload)
        default: break
        }
        guard frame.reservedBits == 0 else {
            throw TestServerError("a compressed message, of which only the frames can be received")
        }
        guard (frame.opcode == .continuation) == (self.message != nil) else {
            throw TestServerError("the client broke the protocol: a fragment out of its order")
        }
        var message = self.message.take() ?? (frame.opcode, [])
        message.payload += frame.payload
        if frame.isFinal { return try Message(message.opcode, message.payload) }
        self.message = message
        return nil
    }

    /// Takes nothing from the client any more, which soon cannot write: what a server does whose process hangs.
    public func stopReading() { self.channel.inbox.hold(true) }

    /// Takes what the client sends again.
    public func resumeReading() { self.channel.inbox.hold(false) }

    // MARK: Ending

    /// Ends the stream in order, without a Close frame: what has been sent reaches the client before. A request that was not
    /// answered fails.
    public func end() { self.channel.endStream(.endOfStream) }

    /// Breaks the connection off, as TCP's reset does. A request that was not answered fails.
    public func drop() { self.channel.endStream(TransportFailure(.reset, "TCP connection reset by peer")) }

    /// Waits for the end of the connection, which is there when the client has seen it or brought it about.
    ///
    /// - Throws: `CancellationError`.
    public func waitUntilClosed() async throws -> End {
        _ = try await self.channel.ending.next()
        return self.channel.end ?? .network
    }
}
