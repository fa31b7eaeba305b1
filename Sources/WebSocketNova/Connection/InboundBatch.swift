internal import DequeModule

/// The messages of one read, in order, before they go to the queue.
struct InboundBatch {
    var elements: Deque<InboundQueue.Element> = []
    private(set) var bytes = 0
    private(set) var count = 0
    /// Small messages that still lie in the memory of the read, behind `elements`.
    private var noted = InboundBlock.Builder()

    /// What a message costs beside its payload: queues of empty messages have to be bounded too.
    private static let overhead = 32

    /// Whether many small messages go as a block. Set while the reader is on another thread.
    var makesBlocks = true
    /// From how many messages on.
    private static let blockThreshold = 8

    /// Notes a message whose payload lies in the memory of the read until ``moveNoted()``.
    mutating func note(_ payload: UnsafeRawBufferPointer, isText: Bool) {
        self.noted.append(payload, isText: isText)
    }

    mutating func append(_ item: InboundQueue.Item, bytes: Int) {
        self.moveNoted()
        self.elements.append(.item(item))
        self.bytes += bytes + Self.overhead
        self.count += 1
    }

    mutating func removeAll() {
        self.elements.removeAll(keepingCapacity: self.elements.count < 64)
        self.bytes = 0
        self.count = 0
    }

    /// Takes what was noted out of the memory of the read.
    mutating func moveNoted() {
        guard self.noted.count > 0 else { return }
        self.bytes += self.noted.bytes + self.noted.count * Self.overhead
        self.count += self.noted.count
        if self.makesBlocks, self.noted.count >= Self.blockThreshold {
            self.elements.append(.block(self.noted.makeBlock()))
        } else {
            self.noted.forEach { payload, isText in
                let message =
                    isText
                    ? WebSocketMessage.text(String(decoding: payload, as: UTF8.self)) : .binary([UInt8](payload))
                self.elements.append(.item(.message(message)))
            }
        }
    }
}
