internal import Synchronization
internal import WebSocketCore

/// Many small messages of one read, on their way to the reader as one piece of memory.
///
/// The loop notes where messages lie in the bytes of a read; the reader makes each message when it gets to it. So the
/// allocation of a message happens on the thread that will free it, which malloc does without a lock, and the loop's thread
/// is free for the next read. While a peer sends much, the socket is read straight into a block, which then goes to the
/// reader as it is; else the part of the read that has messages in it is copied into one.
///
/// `@unchecked Sendable` because it has one owner at a time: the loop fills it, then the queue's lock hands it to the reader.
final class InboundBlock: @unchecked Sendable {
    private struct Entry {
        var offset: UInt32
        /// The top bit is set for text; a block is much smaller than 2 GiB.
        var lengthAndKind: UInt32

        static let textBit: UInt32 = 1 << 31
    }

    private var storage: UnsafeMutableRawBufferPointer
    /// Where in the memory the entries' offsets begin.
    private var origin = 0
    // One owner at a time: there is no overlapping access to check for with each message.
    @exclusivity(unchecked) private var entries: ContiguousArray<Entry> = []
    @exclusivity(unchecked) private var next = 0

    private init(capacity: Int) {
        self.storage = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { self.storage.deallocate() }

    /// How many messages have not been taken.
    var count: Int { self.entries.count - self.next }

    /// How many bytes of memory it holds.
    var capacity: Int { self.storage.count + self.entries.count * MemoryLayout<Entry>.stride }

    /// How many bytes of payload the messages have that have not been taken.
    var payloadSize: Int {
        self.entries[self.next...].reduce(0) { $0 + Int($1.lengthAndKind & ~Entry.textBit) }
    }

    /// Takes the next message.
    func take() -> WebSocketMessage? {
        guard self.next < self.entries.count else { return nil }
        let entry = self.entries[self.next]
        self.next &+= 1
        let length = Int(entry.lengthAndKind & ~Entry.textBit)
        let start = self.origin &+ Int(entry.offset)
        let bytes = UnsafeRawBufferPointer(rebasing: self.storage[start..<(start &+ length)])
        if entry.lengthAndKind & Entry.textBit != 0 {
            return .text(String(decoding: bytes, as: UTF8.self))
        }
        return .binary([UInt8](bytes))
    }

    // MARK: Making

    /// A block for the socket to be read into.
    static func forReading() -> InboundBlock { Self.obtain(capacity: Self.spareCapacity) }

    /// The memory to read into, before any message of it is noted.
    var memory: UnsafeMutableRawBufferPointer { self.storage }

    /// Where the messages of a read lie, before it is known whether they are enough for a block.
    ///
    /// `@unchecked Sendable` because the pointer is used on the loop alone, by the two actors that share it.
    struct Builder: @unchecked Sendable {
        private var entries: ContiguousArray<Entry> = []
        private var base: UnsafeRawPointer?
        private(set) var bytes = 0

        var count: Int { self.entries.count }

        /// Notes a message whose payload lies in the memory of the read, behind those that were noted before.
        @inline(__always)
        mutating func append(_ payload: UnsafeRawBufferPointer, isText: Bool) {
            // An empty payload may lie anywhere: it says nothing about the memory.
            if self.base == nil, !payload.isEmpty { self.base = payload.baseAddress }
            let offset = if let base, let start = payload.baseAddress, !payload.isEmpty { start - base } else { 0 }
            self.bytes &+= payload.count
            self.entries.append(
                Entry(
                    offset: UInt32(truncatingIfNeeded: offset),
                    lengthAndKind: UInt32(truncatingIfNeeded: payload.count) | (isText ? Entry.textBit : 0)
                )
            )
        }

        /// Makes a block, and is empty afterwards. What was noted must still be in memory.
        mutating func makeBlock() -> InboundBlock {
            let last = self.entries.last { $0.lengthAndKind & ~Entry.textBit != 0 }
            let size = last.map { Int($0.offset) + Int($0.lengthAndKind & ~Entry.textBit) } ?? 0
            let block = InboundBlock.obtain(capacity: size)
            if let base { block.storage.copyMemory(from: UnsafeRawBufferPointer(start: base, count: size)) }
            self.handEntries(to: block)
            return block
        }

        /// Makes a block of the very memory that was read into, all of which was noted from there; is empty afterwards.
        mutating func complete(_ block: InboundBlock) {
            if let base, let start = block.storage.baseAddress { block.origin = base - UnsafeRawPointer(start) }
            self.handEntries(to: block)
        }

        private mutating func handEntries(to block: InboundBlock) {
            swap(&block.entries, &self.entries)
            self.clear()
        }

        /// Gives each message to `body`, and is empty afterwards.
        mutating func forEach(_ body: (UnsafeRawBufferPointer, _ isText: Bool) -> Void) {
            for entry in self.entries {
                let length = Int(entry.lengthAndKind & ~Entry.textBit)
                let start = self.base.map { $0 + Int(entry.offset) }
                body(UnsafeRawBufferPointer(start: start, count: length), entry.lengthAndKind & Entry.textBit != 0)
            }
            self.clear()
        }

        /// Forgets what was noted.
        mutating func removeAll() { self.clear() }

        private mutating func clear() {
            self.entries.removeAll(keepingCapacity: true)
            self.base = nil
            self.bytes = 0
        }
    }

    // MARK: Using again

    /// Blocks that have been read: a few for the whole process, because a connection that is idle must not keep one.
    private static let spare = Mutex<[InboundBlock]>([])
    private static let maximumSpare = 8
    private static let spareCapacity = 64 << 10

    private static func obtain(capacity: Int) -> InboundBlock {
        // A peer that sends a few small messages at a time, while nobody reads, must not be able to have much more memory
        // taken than what it sends.
        guard capacity > Self.spareCapacity / 8 else { return InboundBlock(capacity: max(capacity, 64)) }
        let block = Self.spare.withLock { $0.popLast() }
        if let block, block.storage.count >= capacity { return block }
        return InboundBlock(capacity: max(capacity, Self.spareCapacity))
    }

    /// Gives the block back when all of it has been taken.
    func recycle() {
        self.entries.removeAll(keepingCapacity: true)
        self.next = 0
        self.origin = 0
        guard self.storage.count >= Self.spareCapacity else { return }
        Self.spare.withLock { spare in
            if spare.count < Self.maximumSpare { spare.append(self) }
        }
    }
}
