/// Where the messages of a read lie in its memory.
///
/// `@unchecked Sendable`, like ``InboundMemory``, because it has one owner at a time.
struct InboundEntries: ~Copyable, @unchecked Sendable {
    struct Entry {
        var offset: UInt32
        /// The top bit is set for text; the memory of a read is much smaller than 2 GiB.
        private var lengthAndKind: UInt32

        @inline(__always)
        init(offset: Int, length: Int, isText: Bool) {
            self.offset = UInt32(truncatingIfNeeded: offset)
            self.lengthAndKind = UInt32(truncatingIfNeeded: length) | (isText ? Self.textBit : 0)
        }

        var length: UInt32 { self.lengthAndKind & ~Self.textBit }
        var isText: Bool { self.lengthAndKind & Self.textBit != 0 }

        private static let textBit: UInt32 = 1 << 31
    }

    // By hand, because an array looks at each append whether it is the only owner.
    private var start: UnsafeMutablePointer<Entry>?
    private(set) var capacity = 0
    private(set) var count = 0

    /// Room for some entries, to begin with.
    init(capacity: Int = 0) {
        guard capacity > 0 else { return }
        self.start = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    deinit { self.start?.deallocate() }

    @inline(__always)
    mutating func append(_ entry: Entry) {
        if self.count == self.capacity { self.grow() }
        self.start.unsafelyUnwrapped.advanced(by: self.count).initialize(to: entry)
        self.count &+= 1
    }

    /// - Precondition: `index` is less than ``count``.
    @inline(__always)
    subscript(index: Int) -> Entry { self.start.unsafelyUnwrapped[index] }

    mutating func removeAll() { self.count = 0 }

    /// How many bytes it takes.
    var size: Int { self.capacity * MemoryLayout<Entry>.stride }

    /// Called when there is no room for another one: never inlined, so that ``append(_:)`` can be.
    @inline(never)
    private mutating func grow() {
        let capacity = max(64, self.capacity * 2)
        let grown = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
        if let start {
            grown.moveInitialize(from: start, count: self.count)
            start.deallocate()
        }
        self.start = grown
        self.capacity = capacity
    }
}

/// Messages of one read, on their way to the reader as one piece of memory.
///
/// The loop notes where messages lie in the bytes of a read, and copies the part of the read that they take up, at most
/// ``InboundMemory/blockSize`` at a time; the reader makes each message when it gets to it. Binary ones then are pieces of that
/// memory; the allocation of a text happens on the thread that will free it, which malloc does without a lock.
///
/// `@unchecked Sendable` because it has one owner at a time: the loop fills it, then the queue's lock hands it to the reader.
final class InboundBlock: @unchecked Sendable {
    private let memory: InboundMemory
    private let entries: InboundEntries
    // One owner at a time: there is no overlapping access to check for with each message.
    @exclusivity(unchecked) private var next = 0

    private init(_ memory: InboundMemory, _ entries: consuming InboundEntries) {
        self.memory = memory
        self.entries = entries
    }

    /// How many messages have not been taken.
    var count: Int { self.entries.count - self.next }

    /// How many bytes of memory it holds.
    var capacity: Int { self.memory.size + self.entries.size }

    /// How many bytes of payload the messages have that have not been taken.
    var payloadSize: Int {
        var size = 0
        for index in self.next..<self.entries.count { size += Int(self.entries[index].length) }
        return size
    }

    /// Takes the next message.
    ///
    /// Always inlined: across a call the reader's reference to the block would be counted, for each message.
    @inline(__always)
    func take() -> WebSocketMessage? {
        guard self.next < self.entries.count else { return nil }
        let entry = self.entries[self.next]
        self.next &+= 1
        guard entry.isText else {
            return .binary(WebSocketBytes(self.memory, offset: entry.offset, count: entry.length))
        }
        return self.text(at: entry.offset, entry.length)
    }

    @inline(never)
    private func text(at offset: UInt32, _ count: UInt32) -> WebSocketMessage {
        .text(String(validatedUTF8: self.memory.bytes(at: offset, count)))
    }

    // MARK: Making

    /// Where the messages of a read lie, before it is known whether they are enough for a block.
    ///
    /// `@unchecked Sendable` because the pointer is used on the loop alone, by the two actors that share it.
    struct Builder: ~Copyable, @unchecked Sendable {
        private var entries = InboundEntries()
        private var base: UnsafeRawPointer?
        /// Where the last payload ends, counted from the first.
        private var end = 0
        private(set) var bytes = 0

        var count: Int { self.entries.count }

        /// A read can bring half a million empty messages, of which none makes a block larger.
        private static let maximumCount = 4096

        /// Notes a message whose payload lies in the memory of the read, behind those that were noted before.
        ///
        /// - Returns: false, and nothing is noted, if a block of it and of those would be too large, or they are too many.
        @inline(__always)
        mutating func append(_ payload: UnsafeRawBufferPointer, isText: Bool) -> Bool {
            guard self.entries.count < Self.maximumCount else { return false }
            var offset = self.end
            // An empty payload may lie anywhere: it says nothing about the memory.
            if let start = payload.baseAddress, !payload.isEmpty {
                let base = self.base ?? start
                offset = start - base
                guard offset &+ payload.count <= InboundMemory.blockSize else { return false }
                self.base = base
            }
            self.end = offset &+ payload.count
            self.bytes &+= payload.count
            self.entries.append(InboundEntries.Entry(offset: offset, length: payload.count, isText: isText))
            return true
        }

        /// Makes a block with a copy, and is empty afterwards. What was noted must still be in memory.
        mutating func makeBlock() -> InboundBlock {
            let memory = InboundMemory(size: self.end)
            if let base { memory.start.copyMemory(from: base, byteCount: self.end) }
            // The next ones will be about as many.
            var entries = InboundEntries(capacity: self.entries.count)
            swap(&entries, &self.entries)
            self.clear()
            return InboundBlock(memory, entries)
        }

        /// Gives each message to `body`, and is empty afterwards.
        mutating func forEach(_ body: (UnsafeRawBufferPointer, _ isText: Bool) -> Void) {
            for index in 0..<self.entries.count {
                let entry = self.entries[index]
                let start = self.base.map { $0 + Int(entry.offset) }
                body(UnsafeRawBufferPointer(start: start, count: Int(entry.length)), entry.isText)
            }
            self.clear()
        }

        /// Forgets what was noted.
        mutating func removeAll() { self.clear() }

        private mutating func clear() {
            self.entries.removeAll()
            self.base = nil
            self.end = 0
            self.bytes = 0
        }
    }
}
