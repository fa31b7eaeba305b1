internal import LWSTransport
internal import WebSocketCore

// Messages, on their way to handlers, requests, subscriptions and listeners. On the loop, inside the connection's read.
extension ClientEngine {
    /// What is to be done with the messages of a stream.
    func interest(in stream: StreamRef) -> ClientStream.Interest {
        if self.looksAtMessages { return .look }
        return self.reader != nil && stream == self.machine.stream ? .passThrough : .ignore
    }

    private var looksAtMessages: Bool {
        self.wants.eachReceived || self.needsContent || self.framesAreHeard || self.frameHandlers.wantsMessages
    }

    /// Whether somebody waits for a message with a certain content.
    private var needsContent: Bool {
        self.wants.messages || !self.requests.isEmpty || self.authentication.listens || !self.channels.isEmpty
    }

    var wantsControlFrames: Bool { self.wants.frames || self.framesAreHeard || !self.frameHandlers.isEmpty }

    /// Takes the messages of a read, or of a part of it.
    ///
    /// - Returns: whether the connection should go on reading.
    func received(_ batch: inout InboundBatch, on stream: StreamRef) -> InboundQueue.Level {
        guard self.live[stream] != nil else {
            batch.removeAll()
            return .low
        }
        if self.wants.metrics {
            let tally = batch.tally
            self.call(\.metrics, on: stream) {
                $0.recordMessages(.received, count: tally.count, bytes: tally.bytes)
            }
        }
        let reader = stream == self.machine.stream ? self.reader : nil
        guard self.looksAtMessages else {
            guard let reader else {
                batch.removeAll()
                return self.level
            }
            batch.moveNoted()
            return batch.elements.isEmpty ? .low : max(self.level, reader.append(&batch))
        }
        self.lookAtMessages(of: &batch, on: stream, isRead: reader != nil)
        guard let reader, !self.outgoing.elements.isEmpty else { return self.level }
        return max(self.level, reader.append(&self.outgoing))
    }

    private func lookAtMessages(of batch: inout InboundBatch, on stream: StreamRef, isRead: Bool) {
        let begin = self.wants.measuredMessages ? self.loop.now : .zero
        // Who begins to listen during this read may as well have begun behind it.
        let isHeard = self.framesAreHeard
        let version = self.liveVersion
        self.isInBatch = true
        batch.forEachMessage { message in
            // A message before it may have ended the stream.
            guard version == self.liveVersion || self.live[stream] != nil else { return }
            if isRead { self.outgoing.append(.message(message), bytes: message.payloadSize) }
            self.look(at: message, on: stream, isHeard: isHeard, since: begin)
        }
        self.isInBatch = false
        self.wakeListeners()
    }

    /// How full the listeners are: as full as the fullest of them.
    private var level: InboundQueue.Level {
        let isFull =
            self.heard.contains { $0.queue.isFull }
            || self.channels.values.contains { $0.sinks.contains { $0.holdsBack } }
        return isFull ? .full : .low
    }

    /// Whether there is a listener that has room for nothing.
    var isHeldBack: Bool { self.level == .full }

    /// A listener has room again.
    func resumeReading() {
        guard self.level == .low else { return }
        for live in self.live.values { live.socket?.connection.signal(.resumeReading) }
    }

    private func look(at message: WebSocketMessage, on stream: StreamRef, isHeard: Bool, since begin: Duration) {
        let version = self.liveVersion
        let frame = WebSocketFrame(message)
        self.note(.received, frame.kind, frame.size, on: stream, since: begin)
        if isHeard { self.emit(.frame(stream, frame)) }
        self.handleFrame(frame, on: stream)
        // That may have ended the stream.
        if self.needsContent, version == self.liveVersion || self.live[stream] != nil {
            self.route(message, on: stream)
        }
    }

    /// Tells the handlers that count and log each message.
    func note(
        _ direction: MessageDirection,
        _ kind: WebSocketFrame.Kind,
        _ size: Int,
        on stream: StreamRef,
        since begin: Duration
    ) {
        guard self.wants.loggedMessages || self.wants.measuredMessages else { return }
        if self.wants.loggedMessages {
            self.call(\.logging, on: stream) { $0.logMessage(direction, kind: kind, size: size, stream: stream) }
        }
        if self.wants.measuredMessages {
            let latency = self.loop.now - begin
            self.measure(.message(direction, stream, kind: kind, size: size, latency: latency))
        }
    }

    /// A control frame came.
    func receivedControl(_ frame: WebSocketFrame, on stream: StreamRef) {
        guard self.live[stream] != nil else { return }
        if frame.kind == .close { self.machine.closeSeen(stream) }
        if self.framesAreHeard { self.emit(.frame(stream, frame)) }
        self.handleFrame(frame, on: stream)
    }

    /// Gives a frame to the handler of its kind, or to the connection's.
    private func handleFrame(_ frame: WebSocketFrame, on stream: StreamRef) {
        if self.frameHandlers.wants(frame.kind), self.handleByKind(frame, on: stream) { return }
        guard self.wants.frames else { return }
        if let decision = self.call(\.connection, on: stream, { try $0.handleFrame(frame, on: stream) }) {
            self.carryOut(decision, on: stream)
        }
    }

    /// Gives a frame to the handler of its kind.
    ///
    /// - Returns: whether nobody else is to be asked.
    private func handleByKind(_ frame: WebSocketFrame, on stream: StreamRef) -> Bool {
        do {
            guard let decision = try self.frameHandlers.handle(frame, on: stream) else { return false }
            self.carryOut(decision, on: stream)
            return true
        } catch {
            self.report(
                WebSocketError(.handlerFailed, "the handler of \(frame.kind.rawValue) frames threw", underlying: error),
                on: stream
            )
            // What is reported may end the stream.
            return self.live[stream] == nil
        }
    }

    // MARK: By content

    /// Gives a message to whoever waits for it.
    private func route(_ message: WebSocketMessage, on stream: StreamRef) {
        let json: JSONValue
        do {
            guard let value = try self.tryCall(\.message, { try $0.validate(message) }) else { return }
            json = value
        } catch {
            // Where nobody wants each message, one that is not understood is simply none of those that are waited for.
            if self.wants.messages { self.report(self.describe(error, of: \.message), on: stream) }
            return
        }
        let received = ReceivedMessage(message, json: json, stream: stream)
        if self.answersRequest(received) || self.answersAuthentication(received) || self.concernsSubscription(received)
        {
            return
        }
        guard self.wants.messages else { return }
        if let decision = self.call(\.message, on: stream, { try $0.handleMessage(json, on: stream) }) {
            self.carryOut(decision, on: stream)
        }
    }
}

extension InboundQueue.Level: Comparable {
    static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .low: 0
        case .high: 1
        case .full: 2
        }
    }
}
