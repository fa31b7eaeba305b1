import TestSupport
import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("The queue of messages that wait for their reader", .timeLimit(.minutes(1)))
struct InboundQueueTests {
    private func queue(_ byteLimit: Int, _ countLimit: Int) -> InboundQueue {
        InboundQueue(byteLimit: byteLimit, countLimit: countLimit, isOnLoop: { false })
    }

    private func append(_ numbers: some Sequence<Int>, to queue: InboundQueue, bytes: Int = 1) -> Bool {
        var batch = InboundBatch()
        for number in numbers { batch.append(.message(.text("\(number)")), bytes: bytes) }
        let isFull = queue.append(&batch)
        #expect(batch.elements.isEmpty && batch.count == 0 && batch.bytes == 0)
        return isFull
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
        return queue.append(&batch)
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

    @Test(arguments: [(bytes: 420, count: 1_000), (bytes: 10_000, count: 10)])
    func `at a limit the connection pauses, and resumes when the reader has taken all`(
        bytes: Int,
        count: Int
    ) async throws {
        let queue = self.queue(bytes, count)
        var wishes = InboundQueue.Wishes()
        for round in 0..<3 {
            for step in 0..<9 { #expect(!self.append([step], to: queue, bytes: 10)) }
            #expect(self.append([9], to: queue, bytes: 10), "round \(round)")
            #expect(self.append([10], to: queue, bytes: 10), "it stays paused")
            #expect(try await self.next(queue, &wishes) == 0)
            #expect(wishes == .resumeReading, "round \(round)")
            wishes = []
            for expected in 1...10 { #expect(try await self.next(queue, &wishes) == expected) }
            #expect(wishes.isEmpty)
        }
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
            #expect(queue.nextReadyMessage() == .text("-1"))
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
        #expect(!queue.wantsFragments)
        _ = self.append([1], to: queue)
        _ = try await queue.next(inFragments: true) { _ in }
        #expect(queue.wantsFragments)
        _ = self.append([1], to: queue)
        _ = try await queue.next(inFragments: false) { _ in }
        #expect(!queue.wantsFragments)
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
                #expect(ready == .text("\(expected)"))
                expected += 1
            }
        }
        #expect(expected == count)
        await producer.value
    }
}
