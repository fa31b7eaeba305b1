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
        batch.moveNoted()
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
            payload.copyBytes(from: (0..<size).map { UInt8(truncatingIfNeeded: index &+ $0) })
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

    private static func scratch(_ body: (UnsafeMutableRawBufferPointer) async throws -> Void) async rethrows {
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { scratch.deallocate() }
        try await body(scratch)
    }

    @Test(arguments: [(20, 100), (30, 1000), (500, 0), (2000, 7), (100, 2000), (10, 16 << 10), (3, 60_000)])
    func `what a read brought stays when its memory is read into again`(count: Int, size: Int) async throws {
        try await Self.scratch { scratch in
            var batch = InboundBatch()
            self.read(count, of: size, into: scratch, &batch)
            scratch.initializeMemory(as: UInt8.self, repeating: 0xFF)
            self.read(3, of: 9, into: scratch, &batch)
            scratch.initializeMemory(as: UInt8.self, repeating: 0xFF)
            #expect(batch.count == count + 3)
            #expect(batch.bytes >= count * size + 27)
            let messages = try await self.messages(&batch)
            #expect(messages == self.expected(count, of: size) + self.expected(3, of: 9))
        }
    }

    /// Of the memory that its neighbours share, a message that is kept holds on to no more than a block.
    @Test(arguments: [10, 100, 1000, 10_000])
    func `small messages of one read share memory, block by block`(size: Int) async throws {
        try await Self.scratch { scratch in
            var batch = InboundBatch()
            let count = (256 << 10) / (size + Self.header)
            self.read(count, of: size, into: scratch, &batch)
            let blocks = batch.elements.compactMap { element in
                if case .block(let block) = element { block } else { nil }
            }
            #expect(blocks.count >= 4)
            // Of the last few no block is made.
            #expect(blocks.map(\.count).reduce(0, +) > count - 8)
            for block in blocks { #expect(block.count * (size + Self.header) <= InboundMemory.blockSize + Self.header) }
            let messages = try await self.bytes(&batch)
            let addresses = messages.map { $0.withUnsafeBytes { $0.baseAddress.map(UInt.init(bitPattern:)) ?? 0 } }
            #expect(addresses[1] - addresses[0] == UInt(size + Self.header))
            #expect(messages.map(\.array) == self.expected(count, of: size))
        }
    }

    @Test func `empty messages make a batch full as well`() async throws {
        var batch = InboundBatch()
        var count = 0
        while !batch.isFull, count < 100_000 {
            batch.note(UnsafeRawBufferPointer(start: nil, count: 0), isText: false)
            count += 1
        }
        #expect(count < 20_000)
        let messages = try await self.bytes(&batch)
        #expect(messages == Array(repeating: [], count: messages.count))
        #expect(messages.count == count - 1, "the last one is only noted")
    }

    @Test func `a large message keeps no small ones`() async throws {
        try await Self.scratch { scratch in
            var batch = InboundBatch()
            self.note(20, of: 1000, from: scratch, &batch)
            self.note(1, of: 100_000, from: UnsafeMutableRawBufferPointer(rebasing: scratch[30_000...]), &batch)
            self.note(20, of: 1000, from: UnsafeMutableRawBufferPointer(rebasing: scratch[200_000...]), &batch)
            batch.moveNoted()
            let isBlock = batch.elements.map { element in if case .block = element { true } else { false } }
            #expect(isBlock == [true, false, true])
            let messages = try await self.messages(&batch)
            let small = self.expected(20, of: 1000)
            #expect(messages == small + self.expected(1, of: 100_000) + small)
        }
    }

    @Test func `messages that are looked at share memory as well`() async throws {
        await Self.scratch { scratch in
            var batch = InboundBatch()
            self.note(20, of: 1024, from: scratch, &batch)
            var addresses: [UInt] = []
            batch.forEachMessage { message in
                guard case .binary(let bytes) = message else { return }
                addresses.append(bytes.withUnsafeBytes { $0.baseAddress.map(UInt.init(bitPattern:)) ?? 0 })
            }
            #expect(addresses.count == 20)
            #expect(zip(addresses, addresses.dropFirst()).allSatisfy { $1 - $0 == UInt(1024 + Self.header) })
        }
    }

    @Test func `memory that was full is used again, but not while a message of it is kept`() async throws {
        try await Self.scratch { scratch in
            var kept: [WebSocketBytes] = []
            var batch = InboundBatch()
            for round in 0..<12 {
                self.read(60, of: 1000, into: scratch, &batch)
                let messages = try await self.bytes(&batch)
                #expect(messages.map(\.array) == self.expected(60, of: 1000), "round \(round)")
                kept.append(messages[round])
            }
            #expect(kept.map(\.array) == (0..<12).map { self.expected(60, of: 1000)[$0] })
        }
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
        batch.moveNoted()
        let queue = Self.queue(&batch)
        var messages: [WebSocketMessage] = []
        while case .message(let message) = try await queue.next(inFragments: false, perform: { _ in }) {
            messages.append(message)
        }
        #expect(messages == expected)
    }
}
