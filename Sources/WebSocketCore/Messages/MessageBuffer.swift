/// Bytes of one message as they come in, in memory that the user then keeps without a copy.
///
/// The storage is an array whose tail may not be filled yet: the bytes beyond ``count`` are never read before they are
/// written, so they are not zeroed first (a large message would be written twice).
package struct MessageBuffer: ~Copyable {
    private var storage: [UInt8] = []

    /// How many bytes are filled.
    package private(set) var count = 0

    package init() {}

    /// How many bytes there is room for.
    package var capacity: Int { self.storage.count }

    /// The filled bytes. Good until the next call that mutates.
    package var bytes: UnsafeRawBufferPointer {
        mutating get {
            let filled = self.count
            // The pointer leaves the closure: the array's memory stays where it is while this value, its only owner, does
            // not change.
            return self.storage.withUnsafeMutableBytes { UnsafeRawBufferPointer(rebasing: $0[..<filled]) }
        }
    }

    /// Makes room for at least `minimum` more bytes, and returns all of the room. Good until the next call that mutates.
    ///
    /// Storage grows geometrically, so that many small steps cost linear time.
    package mutating func room(atLeast minimum: Int) -> UnsafeMutableRawBufferPointer {
        if self.storage.count - self.count < minimum {
            // Beyond 16 MiB half as much again: still linear in time, and less memory in vain.
            let ample = self.count <= 1 << 24 ? self.count * 2 : self.count + self.count / 2
            self.grow(to: max(self.count + minimum, ample))
        }
        let filled = self.count
        // The pointer leaves the closure for the same reason as in `bytes`.
        return self.storage.withUnsafeMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[filled...]) }
    }

    /// Makes the storage `capacity` bytes large if it is smaller, and no larger than that.
    package mutating func reserveCapacity(_ capacity: Int) {
        if self.storage.count < capacity { self.grow(to: capacity) }
    }

    /// Declares that the first `count` bytes of the room have been written.
    package mutating func commit(_ count: Int) {
        precondition(count >= 0 && self.count + count <= self.storage.count, "more bytes than there was room for")
        self.count += count
    }

    /// Appends a copy of some bytes.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        self.room(atLeast: bytes.count).copyMemory(from: bytes)
        self.commit(bytes.count)
    }

    /// Hands the bytes over and is empty afterwards.
    ///
    /// They are not copied, unless they fill less than half of the storage: a small message that happens to lie in memory
    /// that a large one needed must not hold on to it for as long as the user keeps the message.
    package mutating func take() -> [UInt8] {
        if self.count < self.storage.count / 2 {
            defer { self.count = 0 }
            return [UInt8](self.bytes)
        }
        var taken: [UInt8] = []
        swap(&taken, &self.storage)
        taken.removeLast(taken.count - self.count)
        self.count = 0
        return taken
    }

    /// Empties the buffer. Storage of up to `keeping` bytes stays for the next message.
    package mutating func removeAll(keeping: Int = 0) {
        self.count = 0
        if self.storage.count > keeping { self.storage = [] }
    }

    private mutating func grow(to capacity: Int) {
        let filled = self.count
        let grown = [UInt8](unsafeUninitializedCapacity: capacity) { room, initialized in
            self.storage.withUnsafeBytes { old in
                UnsafeMutableRawBufferPointer(room).copyMemory(from: UnsafeRawBufferPointer(rebasing: old[..<filled]))
            }
            initialized = capacity
        }
        self.storage = grown
    }
}
