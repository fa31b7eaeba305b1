/// How much the next read should bring.
///
/// Much, while much comes: a read that empties the socket is worth many that do not. Little, while the reader is slow, because
/// what has been read when it has had enough is kept, beside its queue. And little before a large message, of which all but
/// the beginning is then read straight into its own memory.
struct ReadSize: Sendable, Hashable {
    private var bytes = Self.least
    private let most: Int
    private(set) var isBeforeLargeMessage = false
    private var size = Self.least

    private static let least = 64 << 10
    private static let beforeLargeMessage = 16 << 10
    /// What a read may leave over of its room and yet be full: it ends with a whole record of TLS (RFC 8446 section 5.1).
    private static let record = 16 << 10
    /// From how many bytes on a message is large: a copy of its beginning is then dearer than a read.
    private static let largeMessage = 128 << 10

    /// - Parameter most: how much may be kept, in bytes.
    init(most: Int) {
        self.most = max(Self.least, most)
    }

    /// The memory to read into.
    func prefix(of scratch: UnsafeMutableRawBufferPointer, isReadingAhead: Bool) -> UnsafeMutableRawBufferPointer {
        let size = min(scratch.count, isReadingAhead ? Self.least : self.bytes)
        return UnsafeMutableRawBufferPointer(rebasing: scratch[..<size])
    }

    /// A read brought some bytes; what came of it made reading pause.
    mutating func adapt(to count: Int, isPaused: Bool) {
        if isPaused {
            self.size = Self.least
        } else if self.isBeforeLargeMessage {
            // It was asked for little.
        } else if count > self.bytes - Self.record {
            self.size = min(self.size * 2, self.most)
        } else if count < self.size / 4 {
            self.size = max(Self.least, self.size / 2)
        }
        self.isBeforeLargeMessage = false
        self.bytes = self.size
    }

    /// The rest of a message was read into its own memory: its like may follow.
    mutating func expectLargeMessage(after size: Int) {
        self.isBeforeLargeMessage = size >= Self.largeMessage
        self.bytes = self.isBeforeLargeMessage ? Self.beforeLargeMessage : self.size
    }
}
