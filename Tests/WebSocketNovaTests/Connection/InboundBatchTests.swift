import Testing

@testable import WebSocketNova

@Suite("The messages of one read")
struct InboundBatchTests {
    private static let header = 4

    /// Puts numbered messages of a size into the memory of a read, each behind a gap for its header, and notes them.
    private func read(
        _ count: Int,
        of size: Int,
        into memory: UnsafeMutableRawBufferPointer,
        _ batch: inout InboundBatch
    ) {
        self.note(count, of: size, from: memory, &batch)
        batch.endRead()
    }

    private func note(
        _ count: Int,
        of size: Int,
        from memory: UnsafeMutableRawBufferPointer,
        _ batch: inout InboundBatch
    ) {
        for index in 0..<count {
            let start = Self.header + index * (size + Self.header)
            let payload = UnsafeMutableRawBufferPointer(rebasing: memory[start..<(start + size)])
            for offset in 0..<size { payload[offset] = UInt8(truncatingIfNeeded: index &+ offset) }
            batch.note(UnsafeRawBufferPointer(payload), isText: false)
        }
    }

    private func messages(_ batch: inout InboundBatch) async throws -> [[UInt8]] {
        try await self.bytes(&batch).map(\.array)
    }

    private func bytes(_ batch: inout InboundBatch) async throws -> [WebSocketBytes] {
        let queue = Self.queue(&batch)
        var messages: [WebSocketBytes] = []
        while case .message(.binary(let bytes)) = try await queue.next(inFragments: false, perform: { _ in }) {
            messages.append(bytes)
        }
        return messages
    }

    /// A queue that ends behind what is in the batch.
    private static func queue(_ batch: inout InboundBatch) -> InboundQueue {
        let queue = InboundQueue(
            marks: InboundQueue.Marks(bytes: WaterMarks(high: .max), count: WaterMarks(high: .max), readAhead: 0)
        )
        _ = queue.append(&batch)
        queue.finish(.finished)
        return queue
    }

    private func expected(_ count: Int, of size: Int) -> [[UInt8]] {
        (0..<count).map { index in (0..<size).map { UInt8(truncatingIfNeeded: index &+ $0) } }
    }

    @Test func `after a large read the next one goes into a block, which goes to the reader as it is`() async throws {
        var batch = InboundBatch()
        let isScratch = batch.beginRead() == nil
        #expect(isScratch)
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { scratch.deallocate() }
        self.read(20, of: 1024, into: scratch, &batch)
        let blockMemory = batch.beginRead()
        let block = try #require(blockMemory)
        self.read(30, of: 1000, into: block, &batch)
        let nextMemory = batch.beginRead()
        let next = try #require(nextMemory)
        // The first block is the reader's now.
        #expect(next.baseAddress != block.baseAddress)
        next.initializeMemory(as: UInt8.self, repeating: 0xFF)
        batch.endReads()
        #expect(batch.count == 50)
        let messages = try await self.messages(&batch)
        #expect(messages == self.expected(20, of: 1024) + self.expected(30, of: 1000))
    }

    @Test func `a block that was read into and holds little is copied and used for the next read`() async throws {
        var batch = InboundBatch()
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { scratch.deallocate() }
        self.read(20, of: 1024, into: scratch, &batch)
        let blockMemory = batch.beginRead()
        let block = try #require(blockMemory)
        self.read(9, of: 100, into: block, &batch)
        block.initializeMemory(as: UInt8.self, repeating: 0xFF)
        // The read before was small: the next one goes into the scratch memory again, and that is not taken for a block.
        let isScratch = batch.beginRead() == nil
        #expect(isScratch)
        self.read(40, of: 1024, into: scratch, &batch)
        batch.endReads()
        let messages = try await self.messages(&batch)
        #expect(messages == self.expected(20, of: 1024) + self.expected(9, of: 100) + self.expected(40, of: 1024))
    }

    @Test func `what comes behind an item in a read shares its memory too, for as long as there is a message`()
        async throws
    {
        var batch = InboundBatch()
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { scratch.deallocate() }
        self.read(20, of: 1024, into: scratch, &batch)
        batch.removeAll()
        let blockMemory = batch.beginRead()
        let block = try #require(blockMemory)
        // Two halves of a read, which are delivered by themselves; the first is read and gone before the second is noted.
        self.note(20, of: 1024, from: block, &batch)
        batch.append(.message(.text("item")), bytes: 4)
        let queue = Self.queue(&batch)
        var count = 0
        while try await queue.next(inFragments: false, perform: { _ in }) != nil { count += 1 }
        #expect(count == 21)
        self.note(20, of: 1024, from: UnsafeMutableRawBufferPointer(rebasing: block[30_000...]), &batch)
        batch.endRead()
        let nextMemory = batch.beginRead()
        let next = try #require(nextMemory)
        #expect(next.baseAddress != block.baseAddress)
        let messages = try await self.messages(&batch)
        #expect(messages == self.expected(20, of: 1024))
    }

    @Test func `messages that are looked at share the memory of their read`() throws {
        var batch = InboundBatch()
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { scratch.deallocate() }
        self.note(20, of: 1024, from: scratch, &batch)
        batch.forEachMessage { _ in }
        batch.endRead()
        let blockMemory = batch.beginRead()
        let block = try #require(blockMemory)
        self.note(20, of: 1024, from: block, &batch)
        var addresses: [UnsafeRawPointer?] = []
        batch.forEachMessage { message in
            guard case .binary(let bytes) = message else { return }
            addresses.append(bytes.withUnsafeBytes { $0.baseAddress })
        }
        #expect(addresses.count == 20)
        #expect(addresses.first == UnsafeRawPointer(block.baseAddress?.advanced(by: Self.header)))
    }

    @Test func `messages of one read share its memory, and keep it from being read into again`() async throws {
        var batch = InboundBatch()
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { scratch.deallocate() }
        self.read(20, of: 1024, into: scratch, &batch)
        let blockMemory = batch.beginRead()
        let block = try #require(blockMemory)
        self.read(30, of: 1000, into: block, &batch)
        let messages = try await self.bytes(&batch)
        let addresses = messages.map { $0.withUnsafeBytes { $0.baseAddress } }
        #expect(addresses[20] == UnsafeRawPointer(block.baseAddress?.advanced(by: Self.header)))
        // The next reads get other memory for as long as one of them is kept.
        for _ in 0..<20 {
            let nextMemory = batch.beginRead()
            let next = try #require(nextMemory)
            #expect(next.baseAddress != block.baseAddress)
            self.read(30, of: 1000, into: next, &batch)
            batch.removeAll()
        }
        #expect(messages.map(\.array) == self.expected(20, of: 1024) + self.expected(30, of: 1000))
    }

    @Test func `texts and bytes of one read come in order, empty ones too`() async throws {
        var batch = InboundBatch()
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { scratch.deallocate() }
        var expected: [WebSocketMessage] = []
        var offset = 0
        for index in 0..<200 {
            let text = String(repeating: "é", count: index % 3 == 0 ? 0 : 100)
            for byte in text.utf8 {
                scratch[offset] = byte
                offset += 1
            }
            let payload = UnsafeRawBufferPointer(rebasing: scratch[(offset - text.utf8.count)..<offset])
            batch.note(payload, isText: index % 2 == 0)
            expected.append(index % 2 == 0 ? .text(text) : .binary(Array(text.utf8)))
        }
        batch.endRead()
        let queue = Self.queue(&batch)
        var messages: [WebSocketMessage] = []
        while case .message(let message) = try await queue.next(inFragments: false, perform: { _ in }) {
            messages.append(message)
        }
        #expect(messages == expected)
    }
}
