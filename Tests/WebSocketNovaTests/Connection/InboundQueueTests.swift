import TestSupport
import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("The queue of messages that wait for their reader", .timeLimit(.minutes(1)))
struct InboundQueueTests {
    /// Without room for reading ahead, so that it is full at its mark.
    private func queue(_ bytes: Int, _ count: Int, readAhead: Int = 0) -> InboundQueue {
        let marks = InboundQueue.Marks(
            bytes: WaterMarks(high: bytes),
            count: WaterMarks(high: count),
            readAhead: readAhead
        )
        return InboundQueue(marks: marks)
    }

    private func append(_ numbers: some Sequence<Int>, to queue: InboundQueue, bytes: Int = 1) -> Bool {
        var batch = InboundBatch()
        for number in numbers {
            let digits = "\(number)"
            let text = String(repeating: "0", count: max(0, bytes - digits.utf8.count)) + digits
            batch.append(.message(.text(text)), bytes: text.utf8.count)
        }
        let level = queue.append(&batch)
        #expect(batch.elements.isEmpty && batch.count == 0 && batch.bytes == 0)
        return level == .full
    }

    /// Appends as the messages of one read, whose memory is gone afterwards.
    private func appendNoted(_ numbers: Range<Int>, to queue: InboundQueue) -> Bool {
        let texts = numbers.map { Array("\($0)".utf8) }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: texts.joined().count + 1, alignment: 1)
        defer { memory.deallocate() }
        memory.copyBytes(from: texts.joined())
        var batch = InboundBatch()
        var start = 0
        for text in texts {
            batch.note(UnsafeRawBufferPointer(rebasing: memory[start..<(start + text.count)]), isText: true)
            start += text.count
        }
        batch.moveNoted()
        memory.initializeMemory(as: UInt8.self, repeating: 0xFF)
        return queue.append(&batch) == .full
    }

    private func number(_ item: InboundQueue.Item?) -> Int? {
        guard case .message(.text(let text)) = item else { return nil }
        return Int(text)
    }

    /// The wishes that a call of `next` led to.
    private func next(_ queue: InboundQueue, _ wishes: inout InboundQueue.Wishes) async throws -> Int? {
        self.number(try await queue.next(inFragments: false) { wishes.formUnion($0) })
    }

    @Test func `messages come in order, whatever the batches`() async throws {
        let queue = self.queue(10_000, 100)
        _ = self.append(0..<1, to: queue)
        _ = self.append(1..<5, to: queue)
        _ = self.append(5..<6, to: queue)
        queue.finish(.finished)
        var wishes = InboundQueue.Wishes()
        for expected in 0..<6 { #expect(try await self.next(queue, &wishes) == expected) }
        #expect(try await self.next(queue, &wishes) == nil)
        #expect(try await self.next(queue, &wishes) == nil)
        #expect(wishes.isEmpty)
    }

    @Test func `what a cancelled reader had begun to join comes first again`() async throws {
        let queue = self.queue(10_000, 100)
        let pieces = [("ab", true, false), ("cd", false, true)]
        var batch = InboundBatch()
        for (text, isFirst, isFinal) in pieces {
            let fragment = WebSocketFragment(kind: .text, bytes: Array(text.utf8), isFinal: isFinal)
            batch.append(.fragment(fragment, isFirst: isFirst), bytes: 2)
        }
        _ = queue.append(&batch)
        guard case .fragment(let first, _) = try await queue.next(inFragments: false, perform: { _ in }) else {
            Issue.record("no fragment")
            return
        }
        queue.putBack(first)
        for (text, isFirst, isFinal) in pieces {
            guard case .fragment(let fragment, let mark) = try await queue.next(inFragments: true, perform: { _ in })
            else {
                Issue.record("no fragment")
                return
            }
            #expect(fragment.bytes == Array(text.utf8))
            #expect((mark, fragment.isFinal) == (isFirst, isFinal))
        }
    }

    /// Each message counts for 10 bytes and 32 for itself; the low marks are half of the high ones.
    @Test(arguments: [(bytes: 42 * 16, count: 1_000), (bytes: 100_000, count: 16)])
    func `at a high mark the connection stops, and below the low one it goes on`(bytes: Int, count: Int) async throws {
        let queue = self.queue(bytes, count)
        var wishes = InboundQueue.Wishes()
        for round in 0..<3 {
            for number in 0..<15 { #expect(!self.append([number], to: queue, bytes: 10)) }
            #expect(self.append([15], to: queue, bytes: 10), "round \(round)")
            #expect(self.append([16], to: queue, bytes: 10), "it stays full")
            // The reader takes a quarter of the mark at a time, and what it has taken it has not read yet.
            for expected in 0...16 {
                #expect(wishes.contains(.resumeReading) == (expected > 12), "\(expected) in round \(round)")
                #expect(try await self.next(queue, &wishes) == expected)
            }
            wishes = []
            // It comes once more, and has then read all.
            let reader = Task { try await queue.next(inFragments: false) { _ in } }
            await eventually("it has come") { queue.heldBytes == 0 }
            reader.cancel()
            _ = await reader.result
        }
    }

    @Test func `between the high mark and that for reading ahead, and what counts`() async throws {
        let queue = self.queue(1_000, 100, readAhead: 320)
        func level(_ count: Int, bytes: Int) -> InboundQueue.Level {
            var batch = InboundBatch()
            for _ in 0..<count { batch.append(.message(.binary([UInt8](repeating: 0, count: bytes))), bytes: bytes) }
            return queue.append(&batch)
        }
        #expect(level(1, bytes: 967) == .low)
        #expect(queue.heldBytes == 999)
        #expect(level(1, bytes: 0) == .high)
        #expect(level(1, bytes: 256) == .high)
        #expect(queue.heldBytes == 1_319)
        #expect(level(1, bytes: 0) == .full)
        #expect(queue.heldBytes == 1_351)
        var wishes = InboundQueue.Wishes()
        for (held, wish) in [(1_351, []), (352, .resumeReading), (352, []), (32, [])] as [(Int, InboundQueue.Wishes)] {
            wishes = []
            _ = try await queue.next(inFragments: false) { wishes.formUnion($0) }
            #expect(queue.heldBytes == held)
            #expect(wishes == wish)
        }

        // Empty messages have no bytes to read ahead of; there are ten of 32 bytes each in 320.
        let empty = self.queue(1_000_000, 100, readAhead: 320)
        var batch = InboundBatch()
        for count in 1...110 {
            batch.append(.message(.binary([])), bytes: 0)
            let expected: InboundQueue.Level = count < 100 ? .low : count < 110 ? .high : .full
            #expect(empty.append(&batch) == expected, "\(count)")
        }
    }

    @Test func `a message above the mark fills the queue until the reader comes for the next one`() async throws {
        let queue = self.queue(10, 100, readAhead: 1_000)
        #expect(queue.demand.level == .low)
        #expect(!self.append(0..<1, to: queue, bytes: 10))
        #expect(queue.demand.level == .high)
        var wishes: InboundQueue.Wishes = []
        #expect(try await self.next(queue, &wishes) == 0)
        // It is being read.
        #expect(queue.demand.level == .high)
        let task = Task { try await queue.next(inFragments: false) { _ in } }
        await eventually("the reader has come again") { queue.demand.level == .low }
        queue.finish(.finished)
        #expect(try await task.value == nil)
    }

    @Test func `a waiting reader is woken by a batch, once`() async throws {
        let queue = self.queue(10_000, 100)
        async let first = queue.next(inFragments: false) { _ in }
        await Task.yield()
        _ = self.append([7, 8], to: queue)
        #expect(self.number(try await first) == 7)
        #expect(queue.nextReadyMessage() == .text("8"))
        #expect(queue.nextReadyMessage() == nil)
    }

    // MARK: The end

    @Test func `what came before the end is read before it, and the first end counts`() async throws {
        let queue = self.queue(10_000, 100)
        _ = self.append([1], to: queue)
        queue.finish(.failed(WebSocketError(.protocolViolation, "first")))
        queue.finish(.finished)
        var wishes = InboundQueue.Wishes()
        #expect(try await self.next(queue, &wishes) == 1)
        for _ in 0..<2 {
            let error = await #expect(throws: WebSocketError.self) { try await queue.next(inFragments: false) { _ in } }
            #expect(error?.message == "first")
        }
    }

    @Test func `a waiting reader is told the end`() async throws {
        let queue = self.queue(10_000, 100)
        async let element = queue.next(inFragments: false) { _ in }
        await Task.yield()
        queue.finish(.finished)
        #expect(self.number(try await element) == nil)
    }

    // MARK: The barrier

    @Test func `the barrier is passed behind the last message`() async throws {
        let queue = self.queue(10_000, 100)
        _ = self.append([1, 2], to: queue)
        #expect(!queue.appendBarrier())
        let passed = Locked(0)
        let reader = Task {
            var numbers: [Int?] = []
            for _ in 0..<3 {
                numbers.append(
                    self.number(
                        try await queue.next(inFragments: false) { wishes in
                            if wishes.contains(.passBarrier) { passed.withLock { $0 += numbers.count } }
                        }
                    )
                )
            }
            return numbers
        }
        await eventually("the reader is at the barrier") { passed.withLock { $0 } != 0 }
        // It was reached with both messages read, by the third call.
        #expect(passed.withLock { $0 } == 2)
        queue.finish(.finished)
        #expect(try await reader.value == [1, 2, nil])
    }

    @Test func `a reader that waits already is at the barrier`() async throws {
        for _ in 0..<500 {
            let queue = self.queue(10_000, 100)
            let isPassed = Locked(false)
            let reader = Task {
                try await queue.next(inFragments: false) { wishes in
                    if wishes.contains(.passBarrier) { isPassed.value = true }
                }
            }
            // The reader is anywhere between its beginning and its wait.
            if Bool.random() { await Task.yield() }
            if queue.appendBarrier() { isPassed.value = true }
            await eventually("the barrier is passed") { isPassed.value }
            queue.finish(.finished)
            #expect(self.number(try await reader.value) == nil)
        }
    }

    // MARK: Blocks

    @Test(arguments: [1, 7, 8, 100, 5_000])
    func `messages that were noted outlive the memory of the read`(count: Int) async throws {
        let queue = self.queue(1 << 20, 10_000)
        for round in 0..<20 {
            _ = self.appendNoted((round * count)..<((round + 1) * count), to: queue)
            _ = self.append([-1], to: queue)
        }
        var wishes = InboundQueue.Wishes()
        for round in 0..<20 {
            for number in (round * count)..<((round + 1) * count) {
                guard try await self.next(queue, &wishes) == number else {
                    Issue.record("\(number) is missing")
                    return
                }
            }
            #expect(try await self.next(queue, &wishes) == -1)
        }
    }

    @Test func `empty messages and bytes in a block`() async throws {
        let queue = self.queue(1 << 20, 10_000)
        var batch = InboundBatch()
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        withUnsafeBytes(of: UInt64(0x0102_0304_0506_0708).bigEndian) { bytes in
            batch.note(nothing, isText: true)
            for index in 0..<8 {
                batch.note(UnsafeRawBufferPointer(rebasing: bytes[index..<(index + 1)]), isText: index % 2 == 0)
                batch.note(nothing, isText: false)
            }
            batch.moveNoted()
        }
        #expect(batch.count == 17)
        _ = queue.append(&batch)
        queue.finish(.finished)
        var messages: [WebSocketMessage] = []
        while case .message(let message) = try await queue.next(inFragments: false, perform: { _ in }) {
            messages.append(message)
        }
        let expected = (0..<8).flatMap { index -> [WebSocketMessage] in
            let byte = UInt8(index + 1)
            let message = index % 2 == 0 ? WebSocketMessage.text(String(Unicode.Scalar(byte))) : .binary([byte])
            return [message, .binary([])]
        }
        #expect(messages == [.text("")] + expected)
    }

    // MARK: Readers

    @Test func `cancelling the reader loses nothing`() async throws {
        let queue = self.queue(10_000, 100)
        for number in 0..<200 {
            let reader = Task { try await queue.next(inFragments: false) { _ in } }
            if Bool.random() { await Task.yield() }
            reader.cancel()
            _ = self.append([number], to: queue)
            var wishes = InboundQueue.Wishes()
            switch await reader.result {
            case .success(let element): #expect(self.number(element) == number)
            case .failure(let error):
                #expect(error is CancellationError)
                #expect(try await self.next(queue, &wishes) == number)
            }
        }
    }

    @Test func `a cancelled reader is told so though there are messages`() async throws {
        let queue = self.queue(10_000, 100)
        _ = self.append(0..<10, to: queue)
        let reader = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await queue.next(inFragments: false) { _ in }
        }
        await #expect(throws: CancellationError.self) { try await reader.value }
        var wishes = InboundQueue.Wishes()
        #expect(try await self.next(queue, &wishes) == 0)
    }

    @Test func `a second reader at the same time is refused`() async throws {
        let queue = self.queue(10_000, 100)
        // Whichever comes second is the one that is refused.
        try await withThrowingTaskGroup(of: InboundQueue.Item?.self) { group in
            for _ in 0..<2 { group.addTask { try await queue.next(inFragments: false) { _ in } } }
            let refusal = await #expect(throws: WebSocketError.self) { try await group.next() }
            #expect(refusal?.code == .concurrentRead)
            #expect(queue.nextReadyMessage() == nil)
            _ = self.append([3], to: queue)
            let item = try await group.next()
            #expect(self.number(item ?? nil) == 3)
        }
    }

    @Test func `the wish for fragments is known from the next wait on`() async throws {
        let queue = self.queue(10_000, 100)
        #expect(!queue.demand.wantsFragments)
        _ = self.append([1], to: queue)
        _ = try await queue.next(inFragments: true) { _ in }
        #expect(queue.demand.wantsFragments)
        _ = self.append([1], to: queue)
        _ = try await queue.next(inFragments: false) { _ in }
        #expect(!queue.demand.wantsFragments)
    }

    @Test func `one thread appends, a task reads: all comes, in order`() async throws {
        let queue = self.queue(5_000, 64)
        let count = 50_000
        // Each pause is ended by one wish of the reader, which may come before the producer has noted the pause.
        let resumptions = Locked(0)
        let producer = Task.detached {
            var random = SeededGenerator(seed: 1)
            var number = 0
            var pauses = 0
            while number < count {
                let size = min(count - number, 1 + Int(random.next() % 16))
                let numbers = number..<(number + size)
                let full =
                    random.next() % 2 == 0
                    ? self.append(numbers, to: queue, bytes: 100) : self.appendNoted(numbers, to: queue)
                number += size
                if full {
                    pauses += 1
                    while resumptions.value < pauses { await Task.yield() }
                }
            }
            queue.finish(.finished)
        }
        var expected = 0
        while let element = try await queue.next(
            inFragments: false,
            perform: { if $0.contains(.resumeReading) { resumptions.withLock { $0 += 1 } } }
        ) {
            guard self.number(element) == expected else {
                Issue.record("\(element) in place of \(expected)")
                break
            }
            expected += 1
            if let ready = queue.nextReadyMessage() {
                #expect(self.number(.message(ready)) == expected)
                expected += 1
            }
        }
        #expect(expected == count)
        await producer.value
    }
}
