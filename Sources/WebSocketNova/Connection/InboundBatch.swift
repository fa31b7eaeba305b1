internal import DequeModule

/// The messages of one read, in order, before they go to the queue.
struct InboundBatch: ~Copyable, Sendable {
    var elements: Deque<InboundQueue.Element> = []
    private(set) var bytes = 0
    private(set) var count = 0
    /// Small messages that still lie in the memory of the read, behind `elements`.
    private var noted = InboundBlock.Builder()

    /// What a message costs beside its payload: queues of empty messages have to be bounded too.
    static let overhead = 32

    /// From how many messages, and from how many bytes of them, a block is worth its while and its memory.
    private static let blockThreshold = (count: 4, bytes: 4 << 10)
    /// Up to how many bytes a message may be part of a block: a larger one that is kept need not keep others.
    private static let largestInBlock = 16 << 10

    /// Notes a message whose payload lies in the memory of the read until ``moveNoted()``.
    mutating func note(_ payload: UnsafeRawBufferPointer, isText: Bool) {
        if payload.count > Self.largestInBlock {
            self.append(.message(WebSocketMessage(copying: payload, isText: isText)), bytes: payload.count)
        } else if !self.noted.append(payload, isText: isText) {
            self.moveNoted()
            _ = self.noted.append(payload, isText: isText)
        }
    }

    /// Whether what the messages hold is as much as should go to the queue at a time.
    ///
    /// Few bytes of the socket can become many when they are inflated: without this the marks of the queue, which are looked
    /// at between two batches, would be no bound.
    var isFull: Bool { self.bytes >= (self.isFlooded ? Self.limitInFlood : Self.limit) }
    /// A quarter of the largest read: on another thread the reader is at the first messages while the others are decoded.
    private static let limit = 256 << 10
    /// All of the largest read: each batch wakes a thread, which of a flood of 64 KiB messages was a tenth of the time.
    private static let limitInFlood = 1 << 20
    /// Whether much is read at a time.
    var isFlooded = false

    mutating func append(_ item: InboundQueue.Item, bytes: Int) {
        self.moveNoted()
        self.elements.append(.item(item))
        self.bytes += bytes + Self.overhead
        self.count += 1
    }

    mutating func removeAll() {
        self.elements.removeAll(keepingCapacity: self.elements.count < 64)
        self.noted.removeAll()
        self.bytes = 0
        self.count = 0
        self.skipped = (0, 0)
    }

    // MARK: For a client, which looks at messages before anybody reads them

    /// Messages that nobody wants: how many, and how many bytes of payload.
    private var skipped = (count: 0, bytes: 0)

    /// Whether there is nothing, not even a message that was skipped.
    var isEmpty: Bool { self.elements.isEmpty && self.noted.count == 0 && self.skipped.count == 0 }

    /// Counts a message that nobody wants.
    mutating func skip(bytes: Int) {
        self.skipped.count += 1
        self.skipped.bytes += bytes
    }

    /// How many messages there are, and how many bytes of payload they have.
    var tally: (count: Int, bytes: Int) {
        var bytes = self.noted.bytes + self.skipped.bytes
        for element in self.elements { bytes += element.payloadSize }
        return (self.count + self.noted.count + self.skipped.count, bytes)
    }

    /// Gives each message to `body`, and is empty afterwards.
    mutating func forEachMessage(_ body: (WebSocketMessage) -> Void) {
        self.shareNoted()
        while let element = self.elements.popFirst() {
            switch element {
            case .item(.message(let message)):
                body(message)
            case .item(.fragment):
                // A client is given whole messages.
                break
            case .block(let block):
                while let message = block.take() { body(message) }
            }
        }
        self.noted.forEach { payload, isText in body(WebSocketMessage(copying: payload, isText: isText)) }
        self.removeAll()
    }

    /// Makes a block of what was noted, if that is worth it.
    ///
    /// - Returns: whether nothing is left noted.
    @discardableResult
    private mutating func shareNoted() -> Bool {
        let count = self.noted.count
        guard count >= Self.blockThreshold.count, self.noted.bytes >= Self.blockThreshold.bytes else {
            return count == 0
        }
        let block = self.noted.makeBlock()
        // The block's whole memory counts, however little of it is filled.
        self.bytes += block.capacity
        self.elements.append(.block(block))
        self.count += count
        return true
    }

    /// Takes what was noted out of the memory of the read.
    mutating func moveNoted() {
        if !self.shareNoted() {
            self.count += self.noted.count
            self.bytes += self.noted.bytes + self.noted.count * Self.overhead
            self.noted.forEach { payload, isText in
                self.elements.append(.item(.message(WebSocketMessage(copying: payload, isText: isText))))
            }
        }
    }
}

extension InboundQueue.Element {
    /// How many bytes of payload it holds.
    fileprivate var payloadSize: Int {
        switch self {
        case .item(.message(let message)): message.payloadSize
        case .item(.fragment(let fragment, _)): fragment.bytes.count
        case .block(let block): block.payloadSize
        }
    }
}
