internal import Synchronization

/// A copy of a part of a read, which the messages in it share.
///
/// Whoever holds on to one of them holds on to all of it. It comes from a few pieces that the process keeps, and goes back
/// there with the last message.
///
/// `@unchecked Sendable` because it is written by the loop alone, before the first message of it is made, and from then on
/// only read.
@usableFromInline
final class InboundMemory: @unchecked Sendable {
    @usableFromInline let start: UnsafeMutableRawPointer
    let size: Int

    /// How many bytes it has at most.
    static let blockSize = 64 << 10

    init(size: Int = InboundMemory.blockSize) {
        // A peer that sends a few small messages at a time, while nobody reads, must not be able to have much more memory
        // taken than what it sends.
        if size > Self.blockSize / 8, size <= Self.blockSize {
            self.size = Self.blockSize
            self.start = Self.spare.withLock { $0.popLast()?.pointer } ?? Self.allocate(Self.blockSize)
        } else {
            self.size = size
            self.start = Self.allocate(size)
        }
    }

    deinit {
        let piece = Piece(pointer: self.start)
        let isKept =
            self.size == Self.blockSize
            && Self.spare.withLock { spare in
                guard spare.count < Self.maximumSpare else { return false }
                spare.append(piece)
                return true
            }
        if !isKept { self.start.deallocate() }
    }

    /// All of it, to be filled.
    var room: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: self.start, count: self.size) }

    /// Some of it. Good for as long as this object lives.
    @usableFromInline
    func bytes(at offset: UInt32, _ count: UInt32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: self.start + Int(offset), count: Int(count))
    }

    private static func allocate(_ size: Int) -> UnsafeMutableRawPointer { .allocate(byteCount: size, alignment: 16) }

    /// `@unchecked Sendable` because nobody else has the memory that it points to.
    private struct Piece: @unchecked Sendable {
        let pointer: UnsafeMutableRawPointer
    }

    /// A few for the whole process, because a connection that is idle must not keep one.
    private static let spare = Mutex<[Piece]>([])
    private static let maximumSpare = 8
}
