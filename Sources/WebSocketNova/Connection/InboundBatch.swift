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
    private static let blockThreshold = (count: 8, bytes: 4 << 10)

    /// The memory of the read under way, where messages may share it.
    private var readMemory: InboundMemory?
    /// Whether messages share it, so that it must not be read into again.
    private var isShared = false
    /// How many bytes of messages the last read brought, and what was moved out of the read under way.
    private var bytesOfReads = (last: 0, current: 0)
    /// From how many bytes of messages on they share the memory of their read: a quarter of what it holds, so that the limits
    /// of the queue, which count all of it, are not used up by little.
    private static let sharingThreshold = 16 << 10

    /// Where the next read should put its bytes: nil for the loop's own scratch memory.
    ///
    /// Memory that messages can share, if the last read was worth some: its bytes are then not copied. It is kept for the
    /// time of a read only.
    mutating func beginRead() -> UnsafeMutableRawBufferPointer? {
        guard self.bytesOfReads.last >= Self.sharingThreshold else {
            // What is noted next does not lie in it.
            self.readMemory = nil
            return nil
        }
        let memory = self.readMemory ?? InboundMemory()
        self.readMemory = memory
        return memory.room
    }

    /// Takes what was noted out of the memory of the read, which is over, or shares that memory.
    mutating func endRead() {
        self.moveNoted()
        self.bytesOfReads = (last: self.bytesOfReads.current, current: 0)
        if self.isShared { self.endReads() }
    }

    /// Reading pauses: gives back the memory of the last read.
    mutating func endReads() {
        self.readMemory = nil
        self.isShared = false
    }

    private mutating func append(_ block: InboundBlock) {
        // The block's whole memory counts, however little of it is filled.
        self.bytes += block.capacity
        self.elements.append(.block(block))
    }

    /// Notes a message whose payload lies in the memory of the read until ``moveNoted()``.
    mutating func note(_ payload: UnsafeRawBufferPointer, isText: Bool) {
        self.noted.append(payload, isText: isText)
    }

    /// Whether what the messages hold is as much as should go to the queue at a time.
    ///
    /// Few bytes of the socket can become many when they are inflated: without this the marks of the queue, which are looked
    /// at between two batches, would be no bound.
    var isFull: Bool { self.bytes >= Self.limit }
    /// Four reads of 128 KiB: only large and compressed messages make a batch full before its reads are over.
    private static let limit = 512 << 10

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

    /// Makes a block of what was noted, if that is worth it. The memory of the read may be shared before its end: until then
    /// this keeps it.
    ///
    /// - Returns: whether nothing is left noted.
    @discardableResult
    private mutating func shareNoted() -> Bool {
        let (count, bytes) = (self.noted.count, self.noted.bytes)
        self.bytesOfReads.current += bytes
        if bytes >= Self.sharingThreshold, let memory = self.readMemory {
            self.append(self.noted.makeBlock(of: memory))
            self.isShared = true
        } else if count >= Self.blockThreshold.count, bytes >= Self.blockThreshold.bytes {
            self.append(self.noted.makeBlock())
        } else {
            return count == 0
        }
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
