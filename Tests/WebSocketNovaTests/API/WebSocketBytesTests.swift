import Testing

@testable import WebSocketNova

@Suite("The bytes of a message")
struct WebSocketBytesTests {
    /// The same bytes, as an array and as a piece of the memory of a read.
    private static func both(_ bytes: [UInt8]) -> [WebSocketBytes] {
        let memory = InboundMemory()
        memory.room.initializeMemory(as: UInt8.self, repeating: 0xEE)
        for (offset, byte) in bytes.enumerated() { memory.room[100 + offset] = byte }
        return [WebSocketBytes(bytes), WebSocketBytes(memory, offset: 100, count: UInt32(bytes.count))]
    }

    @Test(arguments: [[], [7], [UInt8](0...255)])
    func `they are the same collection, wherever they lie`(expected: [UInt8]) throws {
        for bytes in Self.both(expected) {
            #expect(bytes.count == expected.count)
            #expect(bytes.indices == expected.indices)
            #expect(bytes.indices.map { bytes[$0] } == expected)
            #expect(Array(bytes) == expected)
            #expect(bytes.array == expected)
            #expect(bytes.reversed() == expected.reversed())
            #expect(Array(bytes.dropFirst(1)) == Array(expected.dropFirst(1)))
            #expect(bytes.withUnsafeBytes { Array($0) } == expected)
            #expect(bytes.withBytes { $0.byteCount } == expected.count)
            #expect(bytes.withContiguousStorageIfAvailable { Array($0) } == expected)
            #expect(bytes.description == expected.description)
        }
    }

    @Test func `they are equal, with equal hashes, if their bytes are`() {
        let values = [[], [1], [2], [1, 2], [2, 1]].map { Self.both($0) }
        for (number, some) in values.enumerated() {
            for (otherNumber, others) in values.enumerated() {
                for one in some {
                    for other in others {
                        #expect((one == other) == (number == otherNumber))
                        if one == other { #expect(one.hashValue == other.hashValue) }
                    }
                }
            }
        }
    }

    @Test func `a literal, an array and any sequence of bytes make some`() {
        let literal: WebSocketBytes = [1, 2]
        #expect(literal == WebSocketBytes([1, 2]))
        #expect(literal == WebSocketBytes((1...2).lazy.map(UInt8.init)))
        #expect(WebSocketMessage.binary([1, 2]) == .binary(literal))
    }

    @Test func `an array is not copied on its way through`() {
        let array = [UInt8](repeating: 1, count: 1000)
        let through = WebSocketBytes(array).array
        #expect(array.withUnsafeBytes { $0.baseAddress } == through.withUnsafeBytes { $0.baseAddress })
    }

    @Test func `the memory lives as long as one message of it`() {
        weak var memory: InboundMemory?
        var bytes: WebSocketBytes?
        do {
            let shared = InboundMemory()
            shared.room[0] = 9
            memory = shared
            bytes = WebSocketBytes(shared, offset: 0, count: 1)
        }
        #expect(memory != nil)
        #expect(bytes?[0] == 9)
        let copy = bytes?.array
        bytes = nil
        #expect(memory == nil)
        #expect(copy == [9])
    }
}
