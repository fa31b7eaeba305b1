import Testing

@testable import WebSocketNova

@Suite("How much a read should bring")
struct ReadSizeTests {
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)

    private func bytes(_ size: ReadSize, isReadingAhead: Bool = false) -> Int {
        size.prefix(of: self.scratch, isReadingAhead: isReadingAhead).count
    }

    @Test func `it grows while reads are full, to its bound, and shrinks when little comes`() {
        defer { self.scratch.deallocate() }
        var size = ReadSize(most: 300_000)
        var seen: [Int] = []
        for _ in 0..<5 {
            seen.append(self.bytes(size))
            size.adapt(to: self.bytes(size), isPaused: false)
        }
        #expect(seen == [65_536, 131_072, 262_144, 300_000, 300_000])
        size.adapt(to: 100_000, isPaused: false)
        #expect(self.bytes(size) == 300_000)
        for _ in 0..<4 { size.adapt(to: 100, isPaused: false) }
        #expect(self.bytes(size) == 65_536)
    }

    @Test func `a pause takes it back, and for a slow reader little is read at a time`() {
        defer { self.scratch.deallocate() }
        var size = ReadSize(most: 1 << 20)
        for _ in 0..<4 { size.adapt(to: self.bytes(size), isPaused: false) }
        #expect(self.bytes(size) == 1 << 20)
        #expect(self.bytes(size, isReadingAhead: true) == 65_536)
        size.adapt(to: 1 << 20, isPaused: true)
        #expect(self.bytes(size) == 65_536)
    }

    @Test func `behind a large message little is read, once, and not so behind a smaller one`() {
        defer { self.scratch.deallocate() }
        var size = ReadSize(most: 1 << 20)
        size.adapt(to: 65_536, isPaused: false)
        size.expectLargeMessage(after: 1 << 20)
        #expect(self.bytes(size) == 16_384)
        size.adapt(to: 16_384, isPaused: false)
        #expect(self.bytes(size) == 131_072)
        size.expectLargeMessage(after: 131_071)
        #expect(self.bytes(size) == 131_072)
    }

    @Test func `a read that leaves less than a record of TLS over is a full one`() {
        defer { self.scratch.deallocate() }
        var size = ReadSize(most: 1 << 20)
        size.adapt(to: (64 << 10) - (16 << 10), isPaused: false)
        #expect(self.bytes(size) == 64 << 10)
        size.adapt(to: (64 << 10) - (16 << 10) + 1, isPaused: false)
        #expect(self.bytes(size) == 128 << 10)
    }

    @Test func `it is never more than there is room for, nor less than 64 KiB`() {
        let small = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 16)
        defer {
            small.deallocate()
            self.scratch.deallocate()
        }
        #expect(ReadSize(most: 1).prefix(of: small, isReadingAhead: false).count == 1000)
        #expect(self.bytes(ReadSize(most: 1)) == 65_536)
    }
}
