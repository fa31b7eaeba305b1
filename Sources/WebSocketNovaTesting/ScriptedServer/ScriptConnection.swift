import COpenSSL
import Glibc
import WebSocketCore

/// One client of a ``ScriptPlayer``. It lives on the server's thread.
struct ScriptConnection: ~Copyable {
    let player: ScriptPlayer
    var socket: ScriptSocket?
    var tls: ScriptTLS?
    let index: Int
    private let deadline: ContinuousClock.Instant
    private var requestHead: [UInt8] = []
    /// Read, but taken by no step yet.
    var inbox: [UInt8] = []
    /// Whether the script is over, and what still comes is dropped.
    private var isFinishing = false

    init(player: ScriptPlayer, socket: consuming ScriptSocket, index: Int, deadline: ContinuousClock.Instant) {
        self.player = player
        self.socket = consume socket
        self.index = index
        self.deadline = deadline
    }

    /// Plays the steps; `place` names the one that is being played.
    mutating func play(_ steps: [ScriptedServer.Step], _ place: inout String) throws(ScriptSocket.Interruption) {
        for (number, step) in steps.enumerated() {
            place = "step \(number + 1) (\(step.name))"
            switch step.action {
            case .repeated(let count, let inner):
                for _ in 0..<count { try self.play(inner, &place) }
            case .untilClientLeaves(let inner):
                try self.untilClientLeaves { connection throws(ScriptSocket.Interruption) in
                    while connection.socket != nil, !inner.isEmpty { try connection.play(inner, &place) }
                }
            default:
                try self.perform(step.action)
            }
        }
    }

    /// That the client leaves is the end of what the body does, and no failure.
    private mutating func untilClientLeaves(
        _ body: (inout ScriptConnection) throws(ScriptSocket.Interruption) -> Void
    ) throws(ScriptSocket.Interruption) {
        do throws(ScriptSocket.Interruption) {
            try body(&self)
        } catch {
            switch error {
            case .endOfStream, .broken: self.socket = nil
            case .deadline, .woken, .tls: throw error
            }
        }
    }

    private mutating func perform(_ action: ScriptedServer.Step.Action) throws(ScriptSocket.Interruption) {
        switch action {
        case .expectUpgrade: try self.readRequest()
        case .acceptUpgrade(let fields, let following): try self.accept(fields, following)
        case .answerUpgrade(let size, let interval, let response):
            if self.requestHead.isEmpty { try self.readRequest() }
            let bytes = response(self.acceptValue())
            try self.send(bytes, chunkSize: size ?? max(1, bytes.count), interval: interval)
        case .send(let bytes, let size, let interval): try self.send(bytes, chunkSize: size, interval: interval)
        case .flood(let block, let limit, let isReading):
            try self.untilClientLeaves { connection throws(ScriptSocket.Interruption) in
                try connection.flood(block, atMost: limit, isReading: isReading)
            }
        case .receive(let count): try self.receive(count)
        case .receiveFrames(let count): for _ in 0..<count { _ = try self.receiveFrame() }
        case .receiveClose: while try self.receiveFrame().opcode != .close {}
        case .echoFrames(let count): for _ in 0..<count { try self.echoFrame() }
        case .delay(let duration): try self.delay(duration)
        case .pause(let name): try self.pause(until: name)
        case .mark(let name): self.player.mark(name)
        case .waitForEndOfStream: try self.readToEnd(until: self.deadline)
        case .stopReading: try self.waitForHangUp()
        case .startTLS(let identity, let limit): try self.startTLS(identity, sendingAtMost: limit)
        case .sendBeneathTLS(let bytes): try self.sendRaw(bytes[...])
        case .sendPartOfRecord(let bytes, let count): try self.sendRaw(self.onTheWire(bytes[...]).prefix(count))
        case .sendCloseNotify: try self.sendCloseNotify()
        case .shutdownWrite: self.socket?.shutdownWrite()
        case .close: self.socket = nil
        case .reset:
            self.socket?.resetOnClose()
            self.socket = nil
        case .repeated, .untilClientLeaves: break  // Played by `play`.
        }
    }

    /// Closes the connection in order; a client that does not close its side within a second is left.
    mutating func finish() throws(ScriptSocket.Interruption) {
        self.isFinishing = true
        do throws(ScriptSocket.Interruption) {
            try self.sendCloseNotify()
            self.socket?.shutdownWrite()
            try self.readToEnd(until: min(self.deadline, .now + .seconds(1)))
        } catch {
            if case .woken = error { throw error }
        }
        self.socket = nil
    }

    // The upgrade.

    private mutating func readRequest() throws(ScriptSocket.Interruption) {
        let end: [UInt8] = [13, 10, 13, 10]
        var searched = 0
        while true {
            if let place = self.inbox[searched...].firstRange(of: end) {
                self.requestHead = Array(self.inbox[..<place.upperBound])
                self.inbox.removeFirst(place.upperBound)
                let (head, rest) = (self.requestHead, self.inbox)
                self.player.record(self.index) {
                    $0.requestHead = head
                    $0.received = rest
                }
                return
            }
            searched = max(0, self.inbox.count - 3)
            try self.readMore()
        }
    }

    private mutating func accept(_ fields: HTTPFields, _ following: [UInt8]) throws(ScriptSocket.Interruption) {
        if self.requestHead.isEmpty { try self.readRequest() }
        var response: HTTPFields = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": self.acceptValue(),
        ]
        for name in ["Upgrade", "Connection", "Sec-WebSocket-Accept"] where fields.contains(name) {
            response[name] = nil
        }
        for field in fields { response.append(name: field.name, value: field.value) }
        let lines = response.map { "\($0.name): \($0.value)\r\n" }.joined()
        let bytes = Array("HTTP/1.1 101 Switching Protocols\r\n\(lines)\r\n".utf8) + following
        try self.send(bytes, chunkSize: bytes.count, interval: .zero)
    }

    /// RFC 6455 section 4.2.2, step 5.4.
    private func acceptValue() -> String {
        let lines = String(decoding: self.requestHead, as: UTF8.self).split(separator: "\r\n").dropFirst()
        let pairs = lines.map { $0.split(separator: ":", maxSplits: 1) }
        let field = pairs.first { $0.first?.lowercased() == "sec-websocket-key" && $0.count == 2 }
        let key = (field?[1] ?? "").filter { $0 != " " && $0 != "\t" }
        let input = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: Int(SHA_DIGEST_LENGTH))
        SHA1(input, input.count, &digest)
        var text = [UInt8](repeating: 0, count: 29)
        let count = EVP_EncodeBlock(&text, digest, Int32(digest.count))
        return String(decoding: text.prefix(Int(count)), as: UTF8.self)
    }

    // Bytes.

    private mutating func send(
        _ bytes: [UInt8],
        chunkSize: Int,
        interval: Duration
    ) throws(ScriptSocket.Interruption) {
        var rest = bytes[...]
        while !rest.isEmpty {
            try self.sendWhole(rest.prefix(chunkSize))
            rest = rest.dropFirst(chunkSize)
            if !rest.isEmpty, interval > .zero { try self.delay(interval) }
        }
    }

    private mutating func sendWhole(_ bytes: ArraySlice<UInt8>) throws(ScriptSocket.Interruption) {
        try self.sendRaw(self.onTheWire(bytes))
    }

    /// Sends bytes past TLS, if there is any.
    mutating func sendRaw(_ bytes: ArraySlice<UInt8>) throws(ScriptSocket.Interruption) {
        var rest = bytes
        while !rest.isEmpty {
            try self.wait(for: POLLOUT, until: self.deadline)
            rest = rest.dropFirst(try self.write(rest))
        }
    }

    private mutating func flood(
        _ block: [UInt8],
        atMost limit: Int,
        isReading: Bool
    ) throws(ScriptSocket.Interruption) {
        var (count, rest) = (0, ArraySlice<UInt8>())
        while count < limit || !rest.isEmpty {
            if rest.isEmpty { rest = try self.onTheWire(block[...]) }
            try self.wait(for: isReading ? POLLIN | POLLOUT : POLLOUT, until: self.deadline)
            if isReading {
                _ = try self.readOnce()
                self.inbox = []
            }
            let written = try self.write(rest)
            rest = rest.dropFirst(written)
            count += written
        }
    }

    private mutating func receive(_ count: Int) throws(ScriptSocket.Interruption) {
        while self.inbox.count < count { try self.readMore() }
        self.inbox.removeFirst(count)
    }

    private mutating func receiveFrame() throws(ScriptSocket.Interruption) -> ScriptedServer.Frame {
        while true {
            if let (frame, count) = ScriptedServer.Frame.parse(self.inbox[...]) {
                self.inbox.removeFirst(count)
                self.player.record(self.index) { $0.frames.append(frame) }
                return frame
            }
            try self.readMore()
        }
    }

    private mutating func echoFrame() throws(ScriptSocket.Interruption) {
        var frame = try self.receiveFrame()
        frame.maskingKey = nil
        if frame.opcode == .ping { frame.opcode = .pong }
        try self.sendWhole(frame.encoded[...])
    }

    /// Waits for bytes and keeps them.
    mutating func readMore() throws(ScriptSocket.Interruption) {
        var isRead = false
        while !isRead {
            try self.wait(for: POLLIN, until: self.deadline)
            isRead = try self.readOnce()
        }
    }

    private mutating func readToEnd(until deadline: ContinuousClock.Instant) throws(ScriptSocket.Interruption) {
        guard self.socket != nil else { return }
        do throws(ScriptSocket.Interruption) {
            while true {
                try self.wait(for: POLLIN, until: deadline)
                _ = try self.readOnce()
            }
        } catch {
            switch error {
            case .endOfStream, .broken: return
            case .deadline, .woken, .tls: throw error
            }
        }
    }

    private mutating func readOnce() throws(ScriptSocket.Interruption) -> Bool {
        guard self.socket != nil else { throw .broken(errno: EBADF) }
        let before = self.inbox.count
        do throws(ScriptSocket.Interruption) {
            guard try self.readSocket() else { return false }
        } catch {
            self.player.record(self.index) { connection in
                if case .endOfStream = error { connection.sawEndOfStream = true }
                if case .broken = error { connection.wasReset = true }
            }
            // The kernel tells of a reset once, then of an end of the stream.
            if case .broken = error { self.socket = nil }
            throw error
        }
        if !self.requestHead.isEmpty, !self.isFinishing {
            let bytes = self.inbox[before...]
            self.player.record(self.index) { $0.received += bytes }
        }
        return true
    }

    private func write(_ bytes: ArraySlice<UInt8>) throws(ScriptSocket.Interruption) -> Int {
        do throws(ScriptSocket.Interruption) {
            guard let count = try self.socket?.write(bytes) else { throw .broken(errno: EBADF) }
            self.player.record(self.index) { $0.sentCount += count }
            return count
        } catch {
            if case .broken = error { self.player.record(self.index) { $0.wasReset = true } }
            throw error
        }
    }

    // Waiting.

    private func delay(_ duration: Duration) throws(ScriptSocket.Interruption) {
        let end = ContinuousClock.now + duration
        do throws(ScriptSocket.Interruption) {
            try self.wait(for: 0, until: min(end, self.deadline))
        } catch {
            guard case .deadline = error, end <= self.deadline else { throw error }
        }
    }

    private func pause(until name: String) throws(ScriptSocket.Interruption) {
        switch self.socket {
        case .some(let socket): try self.player.pause(until: name, on: socket, self.deadline)
        case .none: break
        }
    }

    /// Waits for a hang-up without reading: POLLRDHUP tells of it while bytes wait in the kernel.
    private func waitForHangUp() throws(ScriptSocket.Interruption) {
        try self.wait(for: ScriptSocket.hangUpEvent, until: self.deadline)
    }

    private func wait(for events: Int32, until deadline: ContinuousClock.Instant) throws(ScriptSocket.Interruption) {
        switch self.socket {
        case .some(let socket): try self.player.wait(on: socket, for: events, until: deadline)
        case .none: throw .broken(errno: EBADF)
        }
    }
}
