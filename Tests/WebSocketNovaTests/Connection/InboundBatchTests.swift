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
        for index in 0..<count {
            let start = Self.header + index * (size + Self.header)
            let payload = UnsafeMutableRawBufferPointer(rebasing: memory[start..<(start + size)])
            for offset in 0..<size { payload[offset] = UInt8(truncatingIfNeeded: index &+ offset) }
            batch.note(UnsafeRawBufferPointer(payload), isText: false)
        }
        batch.endRead()
    }

    private func messages(_ batch: inout InboundBatch) async throws -> [[UInt8]] {
        let queue = InboundQueue(
            marks: InboundQueue.Marks(bytes: WaterMarks(high: .max), count: WaterMarks(high: .max), readAhead: 0),
            isOnLoop: { false }
        )
        _ = queue.append(&batch)
        queue.finish(.finished)
        var messages: [[UInt8]] = []
        while case .message(.binary(let bytes)) = try await queue.next(inFragments: false, perform: { _ in }) {
            messages.append(bytes)
        }
        return messages
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
        // The read before was small: the next one goes into the scratch memory again.
        let isScratch = batch.beginRead() == nil
        #expect(isScratch)
        batch.endReads()
        let messages = try await self.messages(&batch)
        #expect(messages == self.expected(20, of: 1024) + self.expected(9, of: 100))
    }

    @Test func `a reader on the loop has its messages made there`() {
        var batch = InboundBatch()
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { scratch.deallocate() }
        self.read(20, of: 1024, into: scratch, &batch)
        batch.readerIsOnLoop = true
        let isScratch = batch.beginRead() == nil
        #expect(isScratch)
    }
}
