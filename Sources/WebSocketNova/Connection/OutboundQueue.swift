internal import DequeModule
internal import Synchronization
internal import WebSocketCore

/// What waits to be sent, between any number of sending tasks and the event loop that writes.
///
/// A sender frames and masks its message on its own thread, under a short lock, into one buffer; the loop takes the whole
/// buffer at once. Above the high-water mark senders wait, and are let in by tickets in the order in which they came.
///
/// A fragmented message is one turn: from its first to its last fragment no other data message gets in between
/// (RFC 6455 section 5.4); control frames do.
final class OutboundQueue: Sendable {
    /// The outcome of an attempt to send at once.
    enum Attempt {
        case sent
        /// Wait for a ticket first.
        case mustWait
    }

    /// What a waiting sender wants.
    enum Wish {
        /// To append one message.
        case message
        /// To begin a message of several fragments.
        case turn
        /// To append another fragment to the message under way.
        case fragment
    }

    struct Waiter {
        var id: UInt64
        var wish: Wish
        var continuation: CheckedContinuation<Result<Void, any Error>, Never>
    }

    struct State: ~Copyable {
        var pending = OutboundBuffer()
        /// How many bytes wait in it: kept here because each message asks for it several times, and ``OutboundBuffer`` belongs
        /// to another module.
        var pendingCount = 0
        var keys = MaskingKeySource()
        /// Why nothing more can be sent.
        var end: WebSocketError? {
            get { self.boxedEnd.flatMap { $0 as? WebSocketError } }
            set { self.boxedEnd = newValue }
        }
        /// In a box, because it is large and an open connection has none.
        private var boxedEnd: (any Error)?

        /// Throws ``end``, if there is one. Looks at the box alone, because each message comes by here.
        @inline(__always)
        func checkOpen() throws(WebSocketError) {
            if self.boxedEnd != nil { try self.throwEnd() }
        }

        @inline(never)
        private func throwEnd() throws(WebSocketError) {
            if let end { throw end }
        }

        /// The loop is told when so many bytes wait: 0 while it knows of none, and no number is reached from when it has
        /// been told until it has found nothing more. In between while it comes back by itself.
        var wakeMark = 0
        /// Bytes that the loop has taken and the kernel has not.
        var outstanding = 0
        /// Bytes that others than the loop have written, and that it has not counted.
        var writtenElsewhere = 0
        /// Somebody had to wait for room: nobody gets any before there is much of it.
        var isFull = false
        /// Tickets given out and not used yet.
        var tickets = 0
        var isTurnTaken = false
        var waiters: Deque<Waiter> = []
        /// At most one: the fragments of a message are sent one after the other.
        var fragmentWaiter: Waiter?
        var lastID: UInt64 = 0
        /// The payload of the last ping that could not be answered at once.
        var owedPong: [UInt8]?
        /// What the loop has sent during a turn: it cannot wait for the end of that, so its messages do.
        var deferred: [(opcode: Opcode, payload: [UInt8])] = []
        var deferredBytes = 0
    }

    private let life = LiveObject(.outboundQueue)
    let state = Mutex(State())
    private let deflater: Mutex<Deflater?>
    let marks: WaterMarks
    /// Whether messages may be compressed, and from how many bytes on.
    let compressionThreshold: Int?
    /// Above the high-water mark by this much, pongs are owed rather than queued: a peer that pings and does not read
    /// must not make the queue grow.
    static let pongAllowance = 64 << 10

    /// Writes from other threads than the loop's, where that is possible.
    let writer: (any TransportWriter)?
    /// A message has come, and nobody has answered from another thread since.
    let awaitsAnswer = Atomic(false)

    init(
        marks: WaterMarks,
        deflater: consuming Deflater?,
        compressionThreshold: Int,
        writer: (any TransportWriter)? = nil
    ) {
        self.marks = marks
        self.writer = writer
        self.compressionThreshold = deflater == nil ? nil : compressionThreshold
        self.deflater = Mutex(deflater)
    }

    // MARK: Messages

    /// Sends a message if there is room and nobody waits.
    ///
    /// - Parameter wake: set to true when the loop has to be told.
    func attempt(
        _ opcode: Opcode,
        _ payload: UnsafeRawBufferPointer,
        wake: inout Bool
    ) throws(WebSocketError) -> Attempt {
        if let threshold = self.compressionThreshold, payload.count >= threshold {
            guard try self.tryTicket() else { return .mustWait }
            try self.sendCompressed(opcode, payload, wake: &wake)
            return .sent
        }
        return try self.state.withLock { state throws(WebSocketError) in
            try state.checkOpen()
            guard self.hasRoom(state), !state.isTurnTaken, state.waiters.isEmpty else { return .mustWait }
            Self.append(&state, opcode, payload, wake: &wake)
            return .sent
        }
    }

    /// Sends a message whose sender holds a ticket.
    func sendWithTicket(
        _ opcode: Opcode,
        _ payload: UnsafeRawBufferPointer,
        wake: inout Bool
    ) throws(WebSocketError) {
        if let threshold = self.compressionThreshold, payload.count >= threshold {
            try self.sendCompressed(opcode, payload, wake: &wake)
            return
        }
        let granted = try self.state.withLock { state throws(WebSocketError) -> [Waiter] in
            state.tickets -= 1
            try state.checkOpen()
            Self.append(&state, opcode, payload, wake: &wake)
            return self.grant(&state)
        }
        Self.resume(granted)
    }

    /// Sends a message from the event loop, which cannot wait: it is accepted above the high-water mark too, and during
    /// the turn of another message, behind which it then goes out.
    ///
    /// - Returns: whether the mark is passed, and the loop should not go on reading.
    func sendFromLoop(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) throws(WebSocketError) -> Bool {
        var wake = false
        if let threshold = self.compressionThreshold, payload.count >= threshold {
            let isDeferred = try self.state.withLock { state throws(WebSocketError) in
                try state.checkOpen()
                if state.isTurnTaken { Self.deferMessage(&state, opcode, payload) } else { state.tickets += 1 }
                return state.isTurnTaken
            }
            if !isDeferred { try self.sendCompressed(opcode, payload, wake: &wake) }
            return self.isAboveHighWaterMark
        }
        return try self.state.withLock { state throws(WebSocketError) in
            try state.checkOpen()
            if state.isTurnTaken {
                Self.deferMessage(&state, opcode, payload)
            } else {
                Self.append(&state, opcode, payload)
            }
            return !self.hasRoom(state)
        }
    }

    private func tryTicket() throws(WebSocketError) -> Bool {
        try self.state.withLock { state throws(WebSocketError) in
            try state.checkOpen()
            guard self.hasRoom(state), !state.isTurnTaken, state.waiters.isEmpty else { return false }
            state.tickets += 1
            return true
        }
    }

    /// Compresses and appends under the compressor's lock, which the loop takes only for what a handler sends: messages must
    /// leave in the order in which they went through the compressor.
    private func sendCompressed(
        _ opcode: Opcode,
        _ payload: UnsafeRawBufferPointer,
        wake: inout Bool
    ) throws(WebSocketError) {
        let granted = try self.deflater.withLock { deflater throws(WebSocketError) -> [Waiter] in
            var compressed = MessageBuffer()
            let failure = Self.deflate(&deflater, payload, isFinal: true, into: &compressed)
            return try self.state.withLock { state throws(WebSocketError) in
                state.tickets -= 1
                if let failure { throw failure }
                try state.checkOpen()
                Self.append(&state, opcode, compressed.bytes, isCompressed: true, wake: &wake)
                return self.grant(&state)
            }
        }
        Self.resume(granted)
    }

    private static func deflate(
        _ deflater: inout Deflater?,
        _ payload: UnsafeRawBufferPointer,
        isFinal: Bool,
        into output: inout MessageBuffer
    ) -> WebSocketError? {
        do {
            try deflater?.deflate(payload, isFinal: isFinal, into: &output)
            return nil
        } catch {
            return WebSocketError(.resourceExhausted, "a message could not be compressed", underlying: error)
        }
    }

    // MARK: Fragmented messages

    /// Appends one fragment of the message whose turn it is; the last one ends the turn.
    func appendFragment(
        _ opcode: Opcode,
        _ payload: UnsafeRawBufferPointer,
        isFinal: Bool,
        compressing: Bool,
        wake: inout Bool
    ) throws(WebSocketError) {
        let granted = try self.deflater.withLock { deflater throws(WebSocketError) -> [Waiter] in
            var compressed = MessageBuffer()
            if compressing, let failure = Self.deflate(&deflater, payload, isFinal: isFinal, into: &compressed) {
                throw failure
            }
            return try self.state.withLock { state throws(WebSocketError) in
                try state.checkOpen()
                Self.append(
                    &state,
                    opcode,
                    compressing ? compressed.bytes : payload,
                    isFinal: isFinal,
                    isCompressed: compressing && opcode != .continuation,
                    wake: &wake
                )
                if isFinal { Self.endTurn(&state, wake: &wake) }
                return self.grant(&state)
            }
        }
        Self.resume(granted)
    }

    /// Gives the turn back before anything was sent in it.
    func returnTurn(wake: inout Bool) {
        let granted = self.state.withLock { state in
            Self.endTurn(&state, wake: &wake)
            return self.grant(&state)
        }
        Self.resume(granted)
    }

    /// Ends the turn, and sends what the loop wanted to send in it. Uncompressed, which RFC 7692 section 6 allows: the
    /// compressor is not at hand here.
    private static func endTurn(_ state: inout State, wake: inout Bool) {
        state.isTurnTaken = false
        guard state.end == nil else { return }
        for message in state.deferred {
            message.payload.withUnsafeBytes { Self.append(&state, message.opcode, $0, wake: &wake) }
        }
        state.deferred = []
        state.deferredBytes = 0
    }

    private static func deferMessage(_ state: inout State, _ opcode: Opcode, _ payload: UnsafeRawBufferPointer) {
        state.deferred.append((opcode, Array(payload)))
        state.deferredBytes += payload.count
    }

    // MARK: Waiting

    /// Waits for a ticket to send one message.
    func waitForTicket() async throws { try await self.wait(for: .message) }

    /// Waits for the turn to send a message in fragments.
    func waitForTurn() async throws { try await self.wait(for: .turn) }

    /// Waits for room for another fragment.
    func waitForFragmentRoom() async throws { try await self.wait(for: .fragment) }

    private func wait(for wish: Wish) async throws {
        let id = self.state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waiter = Waiter(id: id, wish: wish, continuation: continuation)
                let (granted, failure) = self.state.withLock { state in self.enqueue(waiter, &state) }
                Self.resume(granted)
                if let failure { continuation.resume(returning: .failure(failure)) }
            }
        } onCancel: {
            self.cancelWaiter(id)
        }
        try outcome.get()
    }

    private func enqueue(_ waiter: Waiter, _ state: inout State) -> ([Waiter], (any Error)?) {
        // See InboundQueue.wait(): the same lock decides between this and the cancellation's handler.
        if Task.isCancelled { return ([], CancellationError()) }
        if let end = state.end { return ([], end) }
        if case .fragment = waiter.wish { state.fragmentWaiter = waiter } else { state.waiters.append(waiter) }
        self.noteFullness(&state)
        return (self.grant(&state), nil)
    }

    private func cancelWaiter(_ id: UInt64) {
        let (waiter, granted) = self.state.withLock { state -> (Waiter?, [Waiter]) in
            // Who comes later has not waited for the low mark.
            defer { if state.waiters.isEmpty, state.fragmentWaiter == nil { state.isFull = false } }
            if state.fragmentWaiter?.id == id { return (state.fragmentWaiter.take(), []) }
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return (nil, []) }
            // It may have been what held up those behind it.
            return (state.waiters.remove(at: index), self.grant(&state))
        }
        Self.resume(granted)
        waiter?.continuation.resume(returning: .failure(CancellationError()))
    }

    static func resume(_ granted: [Waiter]) {
        for waiter in granted { waiter.continuation.resume(returning: .success(())) }
    }

    // MARK: Under the lock

    func buffered(_ state: borrowing State) -> Int { state.pendingCount + state.outstanding }

    func hasRoom(_ state: borrowing State) -> Bool {
        // Each is below the mark, or one message above it.
        self.hasFragmentRoom(state) && self.buffered(state) + state.deferredBytes < self.marks.high
    }

    /// What is deferred does not count for the message under way: it only goes out at that message's end.
    func hasFragmentRoom(_ state: borrowing State) -> Bool { self.buffered(state) < self.marks.high }

    /// Whoever waits now that there is no room waits for the low mark.
    private func noteFullness(_ state: inout State) {
        if !self.hasFragmentRoom(state), state.fragmentWaiter != nil || !state.waiters.isEmpty { state.isFull = true }
    }

    static func append(
        _ state: inout State,
        _ opcode: Opcode,
        _ payload: UnsafeRawBufferPointer,
        isFinal: Bool = true,
        isCompressed: Bool = false,
        wake: inout Bool
    ) {
        self.append(&state, opcode, payload, isFinal: isFinal, isCompressed: isCompressed)
        if state.pendingCount >= state.wakeMark {
            state.wakeMark = .max
            wake = true
        }
    }

    static func append(
        _ state: inout State,
        _ opcode: Opcode,
        _ payload: UnsafeRawBufferPointer,
        isFinal: Bool = true,
        isCompressed: Bool = false
    ) {
        let key = state.keys.next()
        state.pendingCount = state.pending.appendFrame(
            opcode: opcode,
            isFinal: isFinal,
            isCompressed: isCompressed,
            payload: payload,
            maskingKey: key
        )
    }

    /// Takes out of the queue whoever may go on now.
    func grant(_ state: inout State) -> [Waiter] {
        guard state.end == nil else { return [] }
        if state.isFull {
            guard self.buffered(state) <= self.marks.low else { return [] }
            state.isFull = false
        }
        defer { self.noteFullness(&state) }
        var granted: [Waiter] = []
        if state.fragmentWaiter != nil, self.hasFragmentRoom(state), let waiter = state.fragmentWaiter.take() {
            granted.append(waiter)
        }
        guard !state.isTurnTaken else { return granted }
        while let waiter = state.waiters.first, self.hasRoom(state) {
            switch waiter.wish {
            case .turn:
                // Whoever holds a ticket is about to append a message of its own.
                guard state.tickets == 0 else { return granted }
                state.isTurnTaken = true
                granted.append(state.waiters.removeFirst())
                return granted
            case .message, .fragment:
                guard state.tickets < Self.ticketsAtATime else { return granted }
                state.tickets += 1
                granted.append(state.waiters.removeFirst())
            }
        }
        return granted
    }

    /// How many senders are let in together; each of them may pass the mark by one message.
    private static let ticketsAtATime = 16

    static func end(_ state: inout State, _ error: WebSocketError) -> [Waiter] {
        state.end = error
        state.owedPong = nil
        state.deferred = []
        state.deferredBytes = 0
        // Not by Array(_:), which for an empty deque writes to the one empty array that all threads share.
        var waiters: [Waiter] = []
        while let waiter = state.waiters.popFirst() { waiters.append(waiter) }
        if let waiter = state.fragmentWaiter.take() { waiters.append(waiter) }
        return waiters
    }
}
