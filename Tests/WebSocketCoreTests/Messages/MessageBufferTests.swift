import Testing
import WebSocketCore

@Suite struct MessageBufferTests {
    private func append(_ bytes: [UInt8], to buffer: inout MessageBuffer) {
        bytes.withUnsafeBytes { buffer.append($0) }
    }

    @Test func whatIsAppendedIsTaken() {
        var buffer = MessageBuffer()
        var expected: [UInt8] = []
        for size in [0, 1, 7, 100, 5000, 3] {
            let bytes = [UInt8](repeating: UInt8(size & 0xFF), count: size)
            self.append(bytes, to: &buffer)
            expected += bytes
        }
        #expect(Array(buffer.bytes) == expected)
        #expect(buffer.take() == expected)
        #expect(buffer.count == 0)
        #expect(buffer.take() == [])
    }

    @Test func aFullBufferIsTakenWithoutACopy() {
        var buffer = MessageBuffer()
        buffer.reserveCapacity(1000)
        #expect(buffer.capacity == 1000)
        self.append([UInt8](repeating: 1, count: 1000), to: &buffer)
        let address = buffer.bytes.baseAddress
        let taken = buffer.take()
        #expect(taken.withUnsafeBytes { $0.baseAddress } == address)
        #expect(buffer.capacity == 0)
    }

    @Test func aSmallMessageDoesNotHoldLargeMemory() {
        var buffer = MessageBuffer()
        buffer.reserveCapacity(100_000)
        self.append([1, 2, 3], to: &buffer)
        let taken = buffer.take()
        #expect(taken == [1, 2, 3])
        #expect(taken.capacity < 1000)
        // The memory serves the next message.
        #expect(buffer.capacity == 100_000)
        #expect(buffer.count == 0)
    }

    @Test func roomIsCommittedAsFarAsItWasWritten() {
        var buffer = MessageBuffer()
        let room = buffer.room(atLeast: 10)
        #expect(room.count >= 10)
        room.copyMemory(from: UnsafeRawBufferPointer(start: nil, count: 0))
        room[0] = 5
        buffer.commit(1)
        #expect(Array(buffer.bytes) == [5])
    }

    @Test func emptyingKeepsAsMuchAsAsked() {
        var buffer = MessageBuffer()
        self.append([UInt8](repeating: 1, count: 100), to: &buffer)
        let capacity = buffer.capacity
        buffer.removeAll(keeping: capacity)
        #expect(buffer.count == 0)
        #expect(buffer.capacity == capacity)
        buffer.removeAll(keeping: capacity - 1)
        #expect(buffer.capacity == 0)
    }
}
