internal import DequeModule
internal import LWSTransport
internal import WebSocketCore

// The way of a byte in: channel, decoder, consumer.
extension Connection {
    /// How many reads are made, and about how much they bring, before other connections have their turn.
    private static let turn = (reads: 16, bytes: 1 << 20)

    func becameReadable() {
        self.isReadable = true
        if !self.isReadingPaused {
            self.readAvailable()
        } else if self.bytesRead == 0 {
            self.carryFirstBytes()
        }
        // Whoever sends a message after each that comes would wait for nothing.
        self.flushGathered()
    }

    /// Reads what there is of a payload of which more is awaited, so that whoever is about to find the peer silent knows of it.
    func readAwaited() {
        guard self.awaitedBytes > 0, !self.isReadingPaused else { return }
        let before = self.bytesRead
        self.readAvailable()
        guard self.bytesRead > before else { return }
        self.noteHeard()
        self.noteData()
    }

    /// Reads what came together with the response's head, and keeps it for later. libwebsockets has read that already, and
    /// tells again and again of what it holds itself, unlike of what waits in the kernel.
    private func carryFirstBytes() {
        guard let channel else { return }
        let memory = channel.scratch
        let count = channel.read(into: memory)
        self.bytesRead += count
        self.carried.append(contentsOf: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        self.isReadable = count == memory.count
    }

    func readAvailable() {
        let before = self.bytesRead
        self.readTurn()
        self.moderateReading(self.bytesRead - before)
    }

    private func readTurn() {
        guard let channel else { return }
        self.isReadable = false
        self.batch.isFlooded = self.moderation?.isOn == true
        self.followReader()
        // What comes for a slow reader is looked through for control frames step by step, so that little comes in vain.
        let end = self.bytesRead + Self.turn.bytes
        for _ in 0..<(self.isReadingAhead ? 1 : Self.turn.reads) where self.bytesRead < end {
            if let target = self.decoder?.directReadTarget() {
                // The rest of a large payload goes straight to where the user will find it.
                let count = channel.read(into: target)
                self.bytesRead += count
                guard count > 0, let event = self.decoder?.didReadDirectly(count) else { break }
                self.awaitedBytes = self.decoder?.directlyMissing ?? 0
                self.awaitBytes()
                self.handleDirect(event)
            } else {
                let memory = self.readSize.prefix(of: channel.scratch, isReadingAhead: self.isReadingAhead)
                let count = channel.read(into: memory)
                self.bytesRead += count
                guard count > 0 else { break }
                var input = UnsafeRawBufferPointer(rebasing: memory[..<count])
                self.decode(&input)
                self.readSize.adapt(to: count, isPaused: self.isReadingPaused)
                if count < memory.count { break }
            }
            if self.isReadingPaused { return }
            if self.batch.isFull { break }
        }
        self.deliverBatch()
    }

    /// Decodes what was read and not decoded before a pause.
    func decodeCarried() {
        guard !self.carried.isEmpty else { return }
        // Who wants what may have changed during the pause.
        self.followReader()
        let bytes = self.carried
        self.carried = []
        bytes.withUnsafeBytes { bytes in
            var input = bytes
            self.decode(&input)
        }
        self.deliverBatch()
    }

    /// Takes all of the input, whatever it holds, and gives it to the consumer.
    private func decode(_ input: inout UnsafeRawBufferPointer) {
        while true {
            guard let event = self.nextControlEvent(&input) else { break }
            self.handleControl(event)
            if self.batch.isFull { self.deliverBatch() }
            if self.isReadingPaused {
                self.carried.append(contentsOf: input)
                break
            }
        }
        // Before the memory of the read is used for the next one.
        if self.interest != .passThrough, case .client = self.consumer { self.deliverBatch() }
        self.batch.moveNoted()
        self.flushIfNeeded()
    }

    /// Delivers messages until something else comes, or somebody has had enough of them, which is told by a message's event.
    /// Nil when the input is used up.
    private func nextControlEvent(_ input: inout UnsafeRawBufferPointer) -> InboundEvent? {
        // Taken out for the time of the loop: as an optional it would be looked into for each message.
        guard var decoder = self.decoder.take() else { return nil }
        var event: InboundEvent?
        switch self.consumer {
        case .queue:
            event = Self.decodeToBatch(&decoder, &input, &self.batch, keeping: true)
        case .client:
            event = Self.decodeToBatch(&decoder, &input, &self.batch, keeping: self.interest != .ignore)
        case .handler(let handler):
            if let context = self.loopContext {
                event = Self.decodeToHandler(&decoder, &input, handler, context)
                self.noteSent(context)
            }
        }
        self.decoder = consume decoder
        return event
    }

    /// The loop over the messages of a read. It is static and takes what it changes as parameters, so that each stored
    /// property is looked up once for a read and not for each message.
    private static func decodeToBatch(
        _ decoder: inout InboundDecoder,
        _ input: inout UnsafeRawBufferPointer,
        _ batch: inout InboundBatch,
        keeping: Bool
    ) -> InboundEvent? {
        while true {
            let event = decoder.next(&input)
            switch event.kind {
            case .text where !keeping, .binary where !keeping:
                batch.skip(bytes: event.payload.count)
            case .text where !event.isOwned:
                batch.note(event.payload, isText: true)
                if batch.isFull { return event }
            case .binary where !event.isOwned:
                batch.note(event.payload, isText: false)
                if batch.isFull { return event }
            case .text, .binary, .fragment:
                let bytes = event.isOwned ? decoder.takeMessage() : [UInt8](event.payload)
                batch.append(Self.element(event, bytes), bytes: bytes.count)
                if batch.isFull { return event }
            case .needsInput:
                return nil
            case .ping, .pong, .close, .failure:
                return event
            }
        }
    }

    private static func element(_ event: InboundEvent, _ bytes: [UInt8]) -> InboundQueue.Item {
        switch event.kind {
        case .text:
            .message(.text(String(validatedUTF8: bytes)))
        case .binary:
            .message(.binary(bytes))
        default:
            .fragment(
                WebSocketFragment(kind: event.isText ? .text : .binary, bytes: bytes, isFinal: event.isFinal),
                isFirst: event.isFirst
            )
        }
    }

    private static func decodeToHandler(
        _ decoder: inout InboundDecoder,
        _ input: inout UnsafeRawBufferPointer,
        _ handler: WebSocket.MessageHandler,
        _ context: WebSocket.LoopContext
    ) -> InboundEvent? {
        while true {
            let event = decoder.next(&input)
            switch event.kind {
            case .text:
                handler(context, .text, event.payload.bytes)
                if context.isFull { return event }
            case .binary:
                handler(context, .binary, event.payload.bytes)
                if context.isFull { return event }
            case .fragment:
                // Handlers get whole messages.
                break
            case .needsInput:
                return nil
            case .ping, .pong, .close, .failure:
                return event
            }
        }
    }

    private func noteSent(_ context: WebSocket.LoopContext) {
        if context.hasSent { self.needsFlush = true }
        if context.isFull { self.pauseForOutbound() }
        context.reset()
    }

    private func handleDirect(_ event: InboundEvent) {
        if event.kind != .needsInput { self.readSize.expectLargeMessage(after: event.payload.count) }
        switch (event.kind, self.consumer) {
        case (.needsInput, _):
            break
        case (.text, .client), (.binary, .client):
            if self.interest == .ignore {
                self.batch.skip(bytes: event.payload.count)
                self.decoder?.releaseUnusedStorage()
            } else if let bytes = self.decoder?.takeMessage() {
                self.batch.append(Self.element(event, bytes), bytes: bytes.count)
            }
        case (.text, .queue), (.binary, .queue), (.fragment, .queue):
            if let bytes = self.decoder?.takeMessage() {
                self.batch.append(Self.element(event, bytes), bytes: bytes.count)
            }
        case (.text, .handler(let handler)), (.binary, .handler(let handler)):
            guard let context = self.loopContext else { return }
            handler(context, event.kind == .text ? .text : .binary, event.payload.bytes)
            self.decoder?.releaseUnusedStorage()
            self.noteSent(context)
            self.flushIfNeeded()
        default:
            self.handleControl(event)
        }
    }

    private func handleControl(_ event: InboundEvent) {
        if case .client(let client) = self.consumer { self.show(event, to: client) }
        switch event.kind {
        case .ping:
            self.noteControlFrame(event.payload)
            self.answerPing(event.payload)
        case .pong:
            self.noteControlFrame(event.payload)
            self.pongReceived(event.payload)
        case .close:
            self.deliverBatch()
            if let frame = self.decoder?.close { self.perform(self.lifecycle.peerClosed(frame)) }
        case .failure:
            self.deliverBatch()
            if let failure = self.decoder?.failure { self.perform(self.lifecycle.peerFailed(failure)) }
        case .needsInput, .text, .binary, .fragment:
            break
        }
    }

    /// Shows a control frame to a client, behind the messages that came before it.
    private func show(_ event: InboundEvent, to client: ClientStream) {
        switch event.kind {
        case .ping where client.wantsControlFrames:
            self.deliverBatch()
            client.received(.ping(Array(event.payload)))
        case .pong where client.wantsControlFrames:
            self.deliverBatch()
            client.received(.pong(Array(event.payload)))
        case .close:
            self.deliverBatch()
            if let frame = self.decoder?.close { client.received(.close(frame.code, reason: frame.reason)) }
        default:
            break
        }
    }

    /// Hands the messages of a read to the reader.
    private func deliverBatch() {
        let level: InboundQueue.Level
        switch self.consumer {
        case .handler:
            return
        case .queue(let queue):
            self.batch.moveNoted()
            guard !self.batch.elements.isEmpty else { return }
            if self.isDiscarding { return self.batch.removeAll() }
            self.outbound?.messageCame()
            level = queue.append(&self.batch)
        case .client(let client):
            guard !self.batch.isEmpty else { return }
            if self.isDiscarding { return self.batch.removeAll() }
            self.outbound?.messageCame()
            level = client.received(&self.batch)
        }
        self.isReadingAhead = level != .low
        guard level == .full else { return }
        if self.lifecycle.state == .closing {
            // Reading goes on to find the peer's Close frame; what does not fit any more is dropped: the user has closed.
            self.isDiscarding = true
        } else {
            self.pauseReading()
        }
    }

    private func followReader() {
        switch self.consumer {
        case .handler:
            break
        case .queue(let queue):
            let demand = queue.demand
            self.decoder?.deliversFragments = demand.wantsFragments
            // A message as large as the mark is above it for as long as a quick reader needs to take it.
            if case .low = demand.level { self.isReadingAhead = false }
        case .client(let client):
            self.interest = client.interest
        }
    }

    /// A client's handler has sent something from the loop.
    func noteSentFromLoop(isFull: Bool) {
        self.needsFlush = true
        if isFull { self.pauseForOutbound() }
    }
}
