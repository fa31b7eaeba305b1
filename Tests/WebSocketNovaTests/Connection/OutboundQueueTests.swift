import TestSupport
import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("The queue of what waits to be sent", .timeLimit(.minutes(1)))
struct OutboundQueueTests {
    private static let closing = WebSocketError(.connectionClosed, "closing")

    private func queue(_ highWaterMark: Int = 1 << 20) -> OutboundQueue {
        OutboundQueue(marks: WaterMarks(high: highWaterMark), deflater: nil, compressionThreshold: 0)
    }

    @discardableResult
    private func attempt(_ queue: OutboundQueue, _ text: String) throws -> Bool {
        var wake = false
        let bytes = text
        let attempt = try bytes.withUTF8Bytes { utf8 throws(WebSocketError) in
            try queue.attempt(.text, utf8, wake: &wake)
        }
        if case .sent = attempt { return true }
        return false
    }

    private func sendWithTicket(_ queue: OutboundQueue, _ text: String) throws {
        var wake = false
        let bytes = text
        try bytes.withUTF8Bytes { utf8 throws(WebSocketError) in try queue.sendWithTicket(.text, utf8, wake: &wake) }
    }

    private func appendFragment(_ queue: OutboundQueue, _ opcode: Opcode, _ text: String, isFinal: Bool) throws {
        var wake = false
        let bytes = text
        try bytes.withUTF8Bytes { utf8 throws(WebSocketError) in
            try queue.appendFragment(opcode, utf8, isFinal: isFinal, compressing: false, wake: &wake)
        }
    }

    private func returnTurn(_ queue: OutboundQueue) {
        var wake = false
        queue.returnTurn(wake: &wake)
    }

    private func appendPong(_ queue: OutboundQueue, _ byte: UInt8) {
        var wake = false
        withUnsafeBytes(of: byte) { queue.appendPong($0, wake: &wake) }
    }

    private func close(_ queue: OutboundQueue) {
        var wake = false
        queue.appendClose(Connection.goingAway, error: Self.closing, wake: &wake)
    }

    private func isReady(_ queue: OutboundQueue, waiters count: Int) async {
        await eventually("\(count) wait") { queue.waiterCount == count }
    }

    // MARK: Messages

    @Test func `messages are masked frames in the order of the calls, and the first one wakes the loop`() throws {
        let queue = self.queue()
        var wakes = 0
        for number in 0..<5 {
            var wake = false
            try withUnsafeBytes(of: UInt8(number)) { bytes throws(WebSocketError) in
                _ = try queue.attempt(.binary, bytes, wake: &wake)
            }
            wakes += wake ? 1 : 0
        }
        #expect(wakes == 1)
        let frames = try WireFrame.all(in: queue.drain())
        #expect(frames == (0..<5).map { WireFrame(opcode: 2, isFinal: true, isCompressed: false, payload: [$0]) })
        var wake = false
        _ = try queue.attempt(.text, UnsafeRawBufferPointer(start: nil, count: 0), wake: &wake)
        #expect(wake, "the loop has taken everything: it has to be woken anew")
    }

    /// Appends a message of 10 bytes with its header, and says whether the loop has to be told.
    private func wakes(_ queue: OutboundQueue) throws -> Bool {
        var wake = false
        try [1, 2, 3, 4].withBytes { bytes throws(WebSocketError) in
            _ = try queue.attempt(.binary, bytes, wake: &wake)
        }
        return wake
    }

    @Test func `the loop is not told of more as long as it looks by itself`() throws {
        let queue = self.queue()
        #expect(try self.wakes(queue))
        #expect(try !self.wakes(queue), "it knows")
        var buffer = OutboundBuffer()
        #expect(queue.takePending(&buffer) == .something)
        let taken = buffer.count
        #expect(taken == 20)
        #expect(try !self.wakes(queue), "it looks again")
        var second = OutboundBuffer()
        #expect(queue.takePending(&second) == .something)
        var third = OutboundBuffer()
        #expect(queue.takePending(&third) == .nothing)
        #expect(try self.wakes(queue), "it has found nothing more")
    }

    @Test func `who holds back little is told when it has become enough`() throws {
        let queue = self.queue()
        #expect(try self.wakes(queue))
        var buffer = OutboundBuffer()
        #expect(queue.takePending(&buffer, atLeast: 40) == .tooLittle)
        let taken = buffer.count
        #expect(taken == 0)
        #expect(try !self.wakes(queue))
        #expect(try !self.wakes(queue))
        #expect(try self.wakes(queue), "40 bytes wait")
        #expect(try !self.wakes(queue), "it is told once")
        #expect(queue.takePending(&buffer, atLeast: 40) == .something)
        let whole = buffer.count
        #expect(whole == 50)
        #expect(queue.takePending(&buffer, atLeast: 40) == .nothing, "nothing is not too little")
    }

    @Test func `what the loop has taken and not yet written counts`() throws {
        let queue = self.queue(100)
        #expect(try self.attempt(queue, String(repeating: "x", count: 100)))
        #expect(queue.isAboveHighWaterMark)
        #expect(try !self.attempt(queue, "y"))
        var buffer = OutboundBuffer()
        queue.takePending(&buffer)
        #expect(try !self.attempt(queue, "y"))
        queue.update(outstanding: 100)
        #expect(try !self.attempt(queue, "y"))
        queue.update(outstanding: 99)
        #expect(try self.attempt(queue, "y"))
    }

    @Test func `above the mark senders wait in the order in which they came`() async throws {
        let queue = self.queue(1)
        try self.attempt(queue, "full")
        let granted = Locked<[Int]>([])
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<40 {
            tasks.append(
                Task {
                    try await queue.waitForTicket()
                    granted.withLock { $0.append(number) }
                }
            )
            await self.isReady(queue, waiters: number + 1)
        }
        var sent = 0
        for last in [16, 32, 40] {
            // Sixteen at a time are let in; as long as none of them has sent, nobody else is.
            queue.update(outstanding: 0)
            _ = queue.drain()
            await eventually("\(last) are let in") { granted.withLock { $0.count } == last }
            queue.update(outstanding: 0)
            #expect(Set(granted.withLock { $0 }) == Set(0..<last))
            while sent < last {
                try self.sendWithTicket(queue, "\(sent)")
                sent += 1
            }
        }
        for task in tasks { try await task.value }
        #expect(queue.waiterCount == 0)
    }

    @Test func `who has to wait is let in at the low mark, and then others up to the high one`() async throws {
        let queue = OutboundQueue(
            marks: WaterMarks(high: 100, low: 40),
            deflater: nil,
            compressionThreshold: 0
        )
        let text = String(repeating: "x", count: 94)
        try self.attempt(queue, text)
        let waiting = Task { try await queue.waitForTicket() }
        await self.isReady(queue, waiters: 1)
        var buffer = OutboundBuffer()
        queue.takePending(&buffer)
        for outstanding in [100, 99, 41] {
            queue.update(outstanding: outstanding)
            #expect(queue.waiterCount == 1, "\(outstanding)")
        }
        queue.update(outstanding: 40)
        #expect(queue.waiterCount == 0)
        try await waiting.value
        try self.sendWithTicket(queue, "")
        // Nobody waits: there is room up to the high mark.
        queue.update(outstanding: 90)
        #expect(try self.attempt(queue, ""))
    }

    /// The one that had to wait was cancelled: the mark that it waited for must not hold up those that come after it.
    @Test func `nobody waits for ever for a low mark`() async throws {
        let queue = OutboundQueue(marks: WaterMarks(high: 100, low: 0), deflater: nil, compressionThreshold: 0)
        try self.attempt(queue, String(repeating: "x", count: 94))
        let cancelled = Task { try await queue.waitForTicket() }
        await self.isReady(queue, waiters: 1)
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        var buffer = OutboundBuffer()
        queue.takePending(&buffer)
        queue.update(outstanding: 50)
        #expect(try self.attempt(queue, ""), "there is room, and nobody waits")
        try await queue.waitForTurn()
    }

    @Test func `who comes when others wait does not pass them`() async throws {
        let queue = self.queue(1)
        try self.attempt(queue, "full")
        let turn = Task { try await queue.waitForTurn() }
        await self.isReady(queue, waiters: 1)
        #expect(try !self.attempt(queue, "late"))
        _ = queue.drain()
        try await turn.value
        #expect(try !self.attempt(queue, "in a turn"))
        self.returnTurn(queue)
        #expect(try self.attempt(queue, "after it"))
    }

    // MARK: Turns

    @Test func `control frames get between fragments, messages do not`() async throws {
        let queue = self.queue()
        try await queue.waitForTurn()
        try self.appendFragment(queue, .text, "a", isFinal: false)
        #expect(try !self.attempt(queue, "message"))
        let message = Task {
            try await queue.waitForTicket()
            try self.sendWithTicket(queue, "message")
        }
        // In this order: a ticket behind the turn would wait for its end, below, and the test for the ticket.
        await self.isReady(queue, waiters: 1)
        let otherTurn = Task { try await queue.waitForTurn() }
        await self.isReady(queue, waiters: 2)
        self.appendPong(queue, 1)
        var wake = false
        try withUnsafeBytes(of: UInt8(2)) { bytes throws(WebSocketError) in _ = try queue.appendPing(bytes, wake: &wake)
        }
        try await queue.waitForFragmentRoom()
        try self.appendFragment(queue, .continuation, "b", isFinal: false)
        #expect(queue.waiterCount == 2)
        try self.appendFragment(queue, .continuation, "c", isFinal: true)
        try await message.value
        try await otherTurn.value
        let frames = try WireFrame.all(in: queue.drain())
        #expect(frames.map(\.opcode) == [1, 10, 9, 0, 0, 1])
        #expect(frames.map(\.isFinal) == [false, true, true, false, true, true])
        self.returnTurn(queue)
    }

    @Test func `a turn waits for the tickets that are out`() async throws {
        let queue = self.queue(1)
        try self.attempt(queue, "full")
        let ticket = Task { try await queue.waitForTicket() }
        await self.isReady(queue, waiters: 1)
        _ = queue.drain()
        try await ticket.value
        let isIn = Locked(false)
        let turn = Task {
            try await queue.waitForTurn()
            isIn.value = true
        }
        await self.isReady(queue, waiters: 1)
        queue.update(outstanding: 0)
        let entered = isIn.value
        #expect(!entered)
        try self.sendWithTicket(queue, "by ticket")
        _ = queue.drain()
        try await turn.value
        try self.appendFragment(queue, .text, "turn", isFinal: true)
        #expect(try WireFrame.all(in: queue.drain()).map(\.text) == ["turn"])
    }

    @Test func `the loop's own messages wait for the end of a turn`() async throws {
        let queue = self.queue()
        try await queue.waitForTurn()
        try self.appendFragment(queue, .text, "a", isFinal: false)
        for number in 0..<3 {
            let text = "loop \(number)"
            try text.withUTF8Bytes { utf8 throws(WebSocketError) in _ = try queue.sendFromLoop(.text, utf8) }
        }
        #expect(try WireFrame.all(in: queue.drain()).map(\.text) == ["a"])
        try self.appendFragment(queue, .continuation, "b", isFinal: true)
        #expect(try WireFrame.all(in: queue.drain()).map(\.text) == ["b", "loop 0", "loop 1", "loop 2"])

        // Likewise when the turn is given back.
        try await queue.waitForTurn()
        let text = "loop 3"
        try text.withUTF8Bytes { utf8 throws(WebSocketError) in _ = try queue.sendFromLoop(.text, utf8) }
        self.returnTurn(queue)
        #expect(try WireFrame.all(in: queue.drain()).map(\.text) == ["loop 3"])
    }

    @Test func `what the loop sends during a turn counts for the mark`() async throws {
        let queue = self.queue(100)
        try await queue.waitForTurn()
        try self.appendFragment(queue, .text, "a", isFinal: false)
        _ = queue.drain()
        let text = String(repeating: "x", count: 60)
        try text.withUTF8Bytes { utf8 throws(WebSocketError) in
            #expect(try !queue.sendFromLoop(.text, utf8))
            #expect(try queue.sendFromLoop(.text, utf8))
        }
        try self.appendFragment(queue, .continuation, "b", isFinal: true)
        #expect(try WireFrame.all(in: queue.drain()).map(\.payload.count) == [1, 60, 60])
        #expect(!queue.isAboveHighWaterMark)
    }

    @Test func `what is deferred to the end of a turn does not keep the turn from its end`() async throws {
        let queue = self.queue(100)
        try await queue.waitForTurn()
        try self.appendFragment(queue, .text, "a", isFinal: false)
        _ = queue.drain()
        let text = String(repeating: "x", count: 200)
        try text.withUTF8Bytes { utf8 throws(WebSocketError) in _ = try queue.sendFromLoop(.text, utf8) }
        #expect(queue.isAboveHighWaterMark)
        #expect(queue.hasFragmentRoom)
        try await queue.waitForFragmentRoom()
        try self.appendFragment(queue, .continuation, "b", isFinal: true)
        #expect(try WireFrame.all(in: queue.drain()).map(\.payload.count) == [1, 200])
    }

    // MARK: Giving up

    private enum Wish: CaseIterable {
        case ticket, turn, fragment
    }

    /// A queue above its mark with one waiter of the kind; a fragment's waiter has the turn.
    private func waiting(_ wish: Wish) async throws -> (OutboundQueue, Task<Void, any Error>) {
        let queue = self.queue(1)
        if wish == .fragment {
            try await queue.waitForTurn()
            try self.appendFragment(queue, .text, "first", isFinal: false)
        } else {
            try self.attempt(queue, "full")
        }
        let task = Task {
            switch wish {
            case .ticket: try await queue.waitForTicket()
            case .turn: try await queue.waitForTurn()
            case .fragment: try await queue.waitForFragmentRoom()
            }
        }
        await self.isReady(queue, waiters: 1)
        return (queue, task)
    }

    @Test(arguments: Wish.allCases)
    private func `a waiter that is cancelled leaves the queue as it was`(wish: Wish) async throws {
        let (queue, task) = try await self.waiting(wish)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(queue.waiterCount == 0)
        _ = queue.drain()
        if wish == .fragment { try self.appendFragment(queue, .continuation, "", isFinal: true) }
        _ = queue.drain()
        #expect(try self.attempt(queue, "goes on"))
    }

    @Test func `a task that was cancelled before does not wait`() async throws {
        let queue = self.queue(1)
        try self.attempt(queue, "full")
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await queue.waitForTicket()
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(queue.waiterCount == 0)
    }

    @Test func `a waiter behind one that is cancelled has its turn`() async throws {
        let queue = self.queue(1)
        try self.attempt(queue, "full")
        let ticket = Task { try await queue.waitForTicket() }
        await self.isReady(queue, waiters: 1)
        _ = queue.drain()
        try await ticket.value
        // The turn waits for the ticket; the message behind it waits for the turn.
        let turn = Task { try await queue.waitForTurn() }
        await self.isReady(queue, waiters: 1)
        let message = Task { try await queue.waitForTicket() }
        await self.isReady(queue, waiters: 2)
        turn.cancel()
        await #expect(throws: CancellationError.self) { try await turn.value }
        try await message.value
        try self.sendWithTicket(queue, "1")
        try self.sendWithTicket(queue, "2")
        #expect(try WireFrame.all(in: queue.drain()).map(\.text) == ["1", "2"])
    }

    @Test(arguments: Wish.allCases, [true, false])
    private func `the end tells every waiter, once`(wish: Wish, byClose: Bool) async throws {
        let (queue, task) = try await self.waiting(wish)
        let end = WebSocketError(.connectionClosed, "closing")
        if byClose { self.close(queue) } else { queue.fail(end) }
        queue.fail(WebSocketError(.connectionClosed, "ended"))
        let error = await #expect(throws: WebSocketError.self) { try await task.value }
        #expect(error?.message == "closing")
        #expect(queue.waiterCount == 0)
        // Who comes later hears of the last end.
        for _ in 0..<2 {
            let late = await #expect(throws: WebSocketError.self) { try await queue.waitForTicket() }
            #expect(late?.message == "ended")
        }
        #expect(throws: WebSocketError.self) { try self.attempt(queue, "late") }
    }

    @Test func `a ticket that is used after the end sends nothing`() async throws {
        let queue = self.queue(1)
        try self.attempt(queue, "full")
        let ticket = Task { try await queue.waitForTicket() }
        await self.isReady(queue, waiters: 1)
        _ = queue.drain()
        try await ticket.value
        self.close(queue)
        #expect(throws: WebSocketError.self) { try self.sendWithTicket(queue, "late") }
        #expect(try WireFrame.all(in: queue.drain()).map(\.opcode) == [8])
    }

    @Test func `the Close frame is behind all that was accepted, and the last`() throws {
        let queue = self.queue()
        try self.attempt(queue, "message")
        self.close(queue)
        self.close(queue)
        self.appendPong(queue, 1)
        #expect(throws: WebSocketError.self) { try self.attempt(queue, "late") }
        let frames = try WireFrame.all(in: queue.drain())
        #expect(frames.map(\.opcode) == [1, 8])
        #expect(frames.last?.payload == [0x03, 0xE9])
    }

    // MARK: Pongs

    @Test func `of the pongs that a full queue owes only the last is sent`() throws {
        let queue = self.queue(1)
        for _ in 0..<4 {
            let large = [UInt8](repeating: 0, count: 20_000)
            // Over the mark, and in the end over what pongs may take beyond it.
            try large.withBytes { bytes throws(WebSocketError) in _ = try queue.sendFromLoop(.binary, bytes) }
        }
        for number in 0..<100 { self.appendPong(queue, UInt8(number)) }
        var buffer = OutboundBuffer()
        queue.takePending(&buffer)
        let frames = try WireFrame.all(in: Array(buffer.pending))
        #expect(frames.filter { $0.opcode == 2 }.count == 4)
        #expect(frames.last == WireFrame(opcode: 10, isFinal: true, isCompressed: false, payload: [99]))
        #expect(!frames.contains { $0.payload.first == 98 })
        #expect(try WireFrame.all(in: queue.drain()).isEmpty, "it is owed once")
    }

    @Test(arguments: [Int.max, Int.max - 1, 1])
    func `a mark of any size can be had`(mark: Int) throws {
        let queue = self.queue(mark)
        try self.attempt(queue, "message")
        self.appendPong(queue, 1)
        #expect(try WireFrame.all(in: queue.drain()).count == 2)
    }

    // MARK: Compression

    @Test func `messages of many senders leave in the order in which they were compressed`() async throws {
        let queue = OutboundQueue(
            marks: WaterMarks(high: 64 << 10),
            deflater: Deflater(windowBits: 15, contextTakeover: true, level: 1, memoryLevel: 8),
            compressionThreshold: 100
        )
        let socket = Sender(queue: queue)
        let wire = Locked<[UInt8]>([])
        let isDone = Locked(false)
        let loop = Task.detached {
            while !isDone.value {
                let bytes = queue.drain()
                wire.withLock { $0 += bytes }
                await Task.yield()
            }
            let bytes = queue.drain()
            wire.withLock { $0 += bytes }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sender in 0..<8 {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(sender))
                    for number in 0..<150 {
                        let text = "\(sender) \(number) " + String(repeating: "abc ", count: Int(random.next() % 300))
                        if random.next() % 5 == 0 {
                            try await socket.sendInFragments(text, count: 1 + Int(random.next() % 4))
                        } else {
                            try await socket.send(text)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        isDone.value = true
        await loop.value
        let messages = try self.inflate(WireFrame.all(in: wire.value))
        var next = [Int](repeating: 0, count: 8)
        for message in messages {
            let words = message.split(separator: " ")
            let sender = try #require(Int(words[0]))
            #expect(Int(words[1]) == next[sender])
            #expect(words.dropFirst(2).allSatisfy { $0 == "abc" })
            next[sender] += 1
        }
        #expect(next == [Int](repeating: 150, count: 8))
    }

    /// Sends as ``WebSocket`` does.
    private struct Sender {
        let queue: OutboundQueue

        func send(_ text: String) async throws {
            var wake = false
            let text = text
            let attempt = try text.withUTF8Bytes { utf8 throws(WebSocketError) in
                try self.queue.attempt(.text, utf8, wake: &wake)
            }
            if case .sent = attempt { return }
            try await self.queue.waitForTicket()
            try text.withUTF8Bytes { utf8 throws(WebSocketError) in
                try self.queue.sendWithTicket(.text, utf8, wake: &wake)
            }
        }

        func sendInFragments(_ text: String, count: Int) async throws {
            try await self.queue.waitForTurn()
            let bytes = Array(text.utf8)
            let size = bytes.count / count + 1
            for index in 0..<count {
                if self.queue.isAboveHighWaterMark { try await self.queue.waitForFragmentRoom() }
                var wake = false
                try Array(bytes.dropFirst(index * size).prefix(size)).withBytes { piece throws(WebSocketError) in
                    try self.queue.appendFragment(
                        index == 0 ? .text : .continuation,
                        piece,
                        isFinal: index == count - 1,
                        compressing: true,
                        wake: &wake
                    )
                }
                await Task.yield()
            }
        }
    }

    /// Joins and inflates, and checks that no message begins inside another.
    private func inflate(_ frames: [WireFrame]) throws -> [String] {
        var inflater = Inflater(windowBits: 15, contextTakeover: true)
        var messages: [String] = []
        var current: (isCompressed: Bool, payload: [UInt8])?
        for frame in frames {
            if frame.opcode == 0 {
                try #require(current != nil, "a continuation without a beginning")
                current?.payload += frame.payload
            } else {
                try #require(current == nil, "a message inside another")
                current = (frame.isCompressed, frame.payload)
            }
            guard frame.isFinal, let message = current else { continue }
            current = nil
            guard message.isCompressed else {
                messages.append(String(decoding: message.payload, as: UTF8.self))
                continue
            }
            var output = MessageBuffer()
            try message.payload.withUnsafeBytes { try inflater.inflate($0, into: &output, limit: 1 << 20) }
            try inflater.finishMessage(into: &output, limit: 1 << 20)
            messages.append(String(decoding: output.take(), as: UTF8.self))
        }
        #expect(current == nil)
        return messages
    }
}
