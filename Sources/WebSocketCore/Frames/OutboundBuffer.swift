/// The bytes that wait to go out: frames are written straight into it, header and masked payload in one pass.
///
/// One owner at a time. Two of them are exchanged with `swap` in constant time, so that callers fill one while the event
/// loop writes the other. Once drained, storage beyond ``keptCapacity`` is given back: an idle connection is small. The
/// next filling starts at the size that the last one reached, so that a busy connection does not grow again step by step.
package struct OutboundBuffer: ~Copyable, @unchecked Sendable {
    // Sendable because the memory belongs to this value alone, which cannot be copied.

    @usableFromInline var storage: UnsafeMutableRawPointer?

    /// How many bytes the storage has.
    @usableFromInline package private(set) var capacity = 0

    /// Where the pending bytes begin and end.
    @usableFromInline var start = 0
    @usableFromInline var end = 0

    /// The most bytes that were pending since the storage was taken.
    private var peak = 0

    /// How much storage is kept when nothing is pending. 512 bytes take a pong, a ping or a small request without
    /// a new allocation.
    package let keptCapacity: Int

    package init(keptCapacity: Int = 512) {
        self.keptCapacity = keptCapacity
    }

    deinit {
        self.storage?.deallocate()
    }

    /// How many bytes wait.
    @inlinable
    package var count: Int { self.end &- self.start }

    @inlinable
    package var isEmpty: Bool { self.end == self.start }

    /// The bytes that wait, oldest first. Good until the next call that mutates.
    @inlinable
    package var pending: UnsafeRawBufferPointer {
        guard let storage, self.end > self.start else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: storage + self.start, count: self.end &- self.start)
    }

    // MARK: Filling

    /// Appends a frame. A client passes a masking key, fresh from a ``MaskingKeySource``, with every frame.
    ///
    /// - Returns: how many bytes wait now.
    @inlinable
    @discardableResult
    package mutating func appendFrame(
        opcode: Opcode,
        isFinal: Bool = true,
        isCompressed: Bool = false,
        payload: UnsafeRawBufferPointer,
        maskingKey: MaskingKey?
    ) -> Int {
        let header = FrameHeader(
            opcode: opcode,
            isFinal: isFinal,
            isCompressed: isCompressed,
            payloadLength: payload.count,
            maskingKey: maskingKey
        )
        let size = header.encodedSize
        var destination = self.room(atLeast: size &+ payload.count)
        header.encode(to: destination)
        destination += size
        if let maskingKey {
            Masking.copy(payload, to: destination, key: maskingKey)
        } else if let source = payload.baseAddress {
            destination.copyMemory(from: source, byteCount: payload.count)
        }
        self.end &+= size &+ payload.count
        return self.count
    }

    /// Appends bytes as they are.
    package mutating func appendRaw(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        self.room(atLeast: bytes.count).copyMemory(from: source, byteCount: bytes.count)
        self.end += bytes.count
    }

    /// Makes room for `count` more bytes, as one allocation.
    package mutating func reserve(_ count: Int) {
        guard count > 0 else { return }
        _ = self.room(atLeast: count)
    }

    @inlinable
    mutating func room(atLeast count: Int) -> UnsafeMutableRawPointer {
        if let storage, self.capacity &- self.end >= count { return storage + self.end }
        return self.makeRoom(count)
    }

    @usableFromInline
    mutating func makeRoom(_ count: Int) -> UnsafeMutableRawPointer {
        let pending = self.count
        if let storage, self.capacity - pending >= count, self.start >= self.capacity / 2 {
            // At least half has gone out: moving the rest forward is paid for by what was written.
            storage.copyMemory(from: storage + self.start, byteCount: pending)
            self.start = 0
            self.end = pending
            return storage + pending
        }
        let capacity = max(pending + count, self.storage == nil ? self.peak : self.capacity * 2, 64)
        let grown = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        if let storage {
            grown.copyMemory(from: storage + self.start, byteCount: pending)
            storage.deallocate()
        }
        self.storage = grown
        self.capacity = capacity
        self.start = 0
        self.end = pending
        self.peak = 0
        return grown + pending
    }

    // MARK: Draining

    /// Removes bytes that have gone out.
    package mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= self.count, "more bytes consumed than were pending")
        self.peak = max(self.peak, self.count)
        self.start += count
        if self.start == self.end { self.removeAll(keeping: self.keptCapacity) }
    }

    /// Drops what is pending. Storage of up to `keeping` bytes stays.
    package mutating func removeAll(keeping: Int = 0) {
        self.start = 0
        self.end = 0
        guard let storage, self.capacity > keeping else { return }
        storage.deallocate()
        self.storage = nil
        self.capacity = 0
    }
}
