import Synchronization
import TestSupport
import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("Answers that are written without the loop", .timeLimit(.minutes(1)))
struct AnswerTests {
    /// Takes as many bytes of each call as it is told to.
    private final class Writer: TransportWriter {
        private let state = Mutex((room: Int.max, bytes: [UInt8]()))

        init(room: Int = .max) { self.state.withLock { $0.room = room } }

        func write(_ bytes: UnsafeRawBufferPointer) -> Int {
            self.state.withLock { state in
                let count = min(state.room, bytes.count)
                state.bytes += bytes.prefix(count)
                return count
            }
        }

        var bytes: [UInt8] { self.state.withLock { $0.bytes } }
    }

    private static func queue(_ writer: Writer, highWaterMark: Int = 1 << 20) -> OutboundQueue {
        OutboundQueue(
            marks: WaterMarks(high: highWaterMark),
            deflater: nil,
            compressionThreshold: 0,
            writer: writer
        )
    }

    private static func send(_ queue: OutboundQueue, _ count: Int) throws -> Bool {
        var wake = false
        let payload = [UInt8](repeating: 1, count: count)
        let attempt = try payload.withUnsafeBytes { bytes throws(WebSocketError) in
            try queue.attempt(.binary, bytes, wake: &wake)
        }
        #expect(attempt == .sent)
        return wake
    }

    @Test func `the first answer to a message is written at once, and the next one is left to the loop`() throws {
        let writer = Writer()
        let queue = Self.queue(writer)
        for round in 1...3 {
            queue.messageCame()
            #expect(try Self.send(queue, 10))
            #expect(queue.writeAnswer(unless: false))
            #expect(writer.bytes.count == round * 16)
        }
        #expect(try Self.send(queue, 10), "the loop knows of nothing")
        #expect(!queue.writeAnswer(unless: false))
        #expect(writer.bytes.count == 48)
        var buffer = OutboundBuffer()
        #expect(queue.takePending(&buffer) == .something)
        #expect(buffer.count == 16)
    }

    @Test func `nothing is written where nothing has come, or on the loop's own thread`() throws {
        let writer = Writer()
        let queue = Self.queue(writer)
        #expect(try Self.send(queue, 10))
        #expect(!queue.writeAnswer(unless: false))
        queue.messageCame()
        #expect(!queue.writeAnswer(unless: true))
        #expect(writer.bytes.isEmpty)
        #expect(queue.writeAnswer(unless: false), "it still can be, from another thread")
    }

    @Test func `what the loop has taken goes first`() throws {
        let writer = Writer()
        let queue = Self.queue(writer)
        #expect(try Self.send(queue, 10))
        var buffer = OutboundBuffer()
        #expect(queue.takePending(&buffer) == .something)
        _ = try Self.send(queue, 20)
        queue.messageCame()
        #expect(!queue.writeAnswer(unless: false))
        #expect(writer.bytes.isEmpty)
    }

    @Test func `what the kernel does not take is left to the loop`() throws {
        let writer = Writer(room: 5)
        let queue = Self.queue(writer)
        queue.messageCame()
        #expect(try Self.send(queue, 10))
        #expect(!queue.writeAnswer(unless: false))
        var buffer = OutboundBuffer()
        #expect(queue.takePending(&buffer) == .something)
        #expect(writer.bytes.count == 5 && buffer.count == 11)
    }

    @Test func `a large answer is left to the loop, and so is one of a connection that closes`() throws {
        let writer = Writer()
        let queue = Self.queue(writer)
        queue.messageCame()
        #expect(try Self.send(queue, 16 << 10))
        #expect(!queue.writeAnswer(unless: false))
        var wake = false
        queue.messageCame()
        queue.appendClose(.withoutCode, error: WebSocketError(.connectionClosed, "it closes"), wake: &wake)
        #expect(!queue.writeAnswer(unless: false))
        #expect(writer.bytes.isEmpty)
    }

    @Test func `whoever waits for room gets what an answer leaves`() async throws {
        let writer = Writer()
        let queue = Self.queue(writer, highWaterMark: 10)
        queue.messageCame()
        #expect(try Self.send(queue, 10))
        async let ticket: Void = queue.waitForTicket()
        await eventually("somebody waits") { queue.waiterCount == 1 }
        #expect(queue.writeAnswer(unless: false))
        try await ticket
    }

    @Test func `the position of a ping counts what was written without the loop`() throws {
        let writer = Writer()
        let queue = Self.queue(writer)
        queue.messageCame()
        #expect(try Self.send(queue, 10))
        #expect(queue.writeAnswer(unless: false))
        var wake = false
        let end = try [UInt8](repeating: 0, count: 4).withUnsafeBytes { bytes throws(WebSocketError) in
            try queue.appendPing(bytes, wake: &wake)
        }
        #expect(end == 16 + 10)
        #expect(queue.takeWrittenElsewhere() == 16)
        #expect(queue.takeWrittenElsewhere() == 0)
    }
}
