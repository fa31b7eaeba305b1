import CZlib

/// Why a message could not be deflated.
package enum DeflateError: Error, Hashable {
    /// zlib has no memory.
    case outOfMemory
    /// zlib does not take the window bits, level or memory level.
    case invalidParameters
}

/// The sending half of permessage-deflate (RFC 7692 section 7.2.1).
///
/// Nothing is allocated before the first message. From then on zlib holds 2 to the power of (window bits + 2) plus 2 to the
/// power of (memory level + 9) bytes, 256 KiB with 15 and 8.
///
/// A window of 8 bits does not exist here: zlib's raw deflate has none below 9. Where 8 bits were negotiated for the client,
/// messages go out uncompressed, which RFC 7692 section 6 allows for every message; see
/// ``NegotiatedDeflate/canCompress``.
// Sendable because the stream behind the pointer has one owner: the type cannot be copied and never hands the pointer out.
package struct Deflater: ~Copyable, @unchecked Sendable {
    /// What a sync flush ends with and a message leaves away.
    private static let tailSize = 4
    /// Room is asked for in steps of at most this size: a large message that compresses well need not take its own size.
    private static let largestStep = 256 * 1024

    private let windowBits: Int32
    private let contextTakeover: Bool
    private let level: Int32
    private let memoryLevel: Int32
    /// On the heap, because zlib keeps a pointer back to it and refuses one that has moved.
    private var stream: UnsafeMutablePointer<z_stream>?

    /// Makes a deflater.
    ///
    /// - Parameters:
    ///   - windowBits: 9 to 15; others make the first message fail.
    ///   - contextTakeover: whether a message may refer to earlier ones.
    ///   - level: -1 or 0 to 9.
    ///   - memoryLevel: 1 to 9.
    package init(windowBits: Int, contextTakeover: Bool, level: Int, memoryLevel: Int) {
        self.windowBits = Int32(clamping: windowBits)
        self.contextTakeover = contextTakeover
        self.level = Int32(clamping: level)
        self.memoryLevel = Int32(clamping: memoryLevel)
    }

    deinit {
        guard let stream else { return }
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Whether zlib's memory has been taken.
    package var isAllocated: Bool { self.stream != nil }

    /// Deflates a piece of a message and appends it to `output`, flushed: a peer can inflate what it has got so far.
    ///
    /// Only the last piece, `isFinal`, leaves away the four bytes that end a flush.
    package mutating func deflate(
        _ payload: UnsafeRawBufferPointer,
        isFinal: Bool,
        into output: inout MessageBuffer
    ) throws(DeflateError) {
        if payload.isEmpty {
            // Every piece before was flushed, so the stream stands at a byte's start, and the header of an empty stored block
            // is a zero byte (RFC 7692 section 7.2.3.6). zlib would not flush twice in a row.
            if isFinal { Self.appendZero(to: &output) }
        } else {
            let stream = try self.openedStream()
            var rest = payload
            var tail = HeldTail()
            while !rest.isEmpty {
                // zlib counts input in 32 bits.
                let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Int(UInt32.max)))
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
                let flush = rest.isEmpty ? Z_SYNC_FLUSH : Z_NO_FLUSH
                try Self.run(stream, piece, flush: flush, tail: &tail, into: &output)
            }
            if !isFinal { tail.release(into: &output) }
        }
        if isFinal, !self.contextTakeover, let stream { deflateReset(stream) }
    }

    private mutating func openedStream() throws(DeflateError) -> UnsafeMutablePointer<z_stream> {
        if let stream { return stream }
        let opened = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        opened.initialize(to: z_stream())
        // Negative: raw deflate, without zlib's header and checksum.
        let status = nova_deflate_init(opened, self.level, -self.windowBits, self.memoryLevel)
        guard status == Z_OK else {
            opened.deallocate()
            throw status == Z_MEM_ERROR ? .outOfMemory : .invalidParameters
        }
        self.stream = opened
        return opened
    }

    private static func run(
        _ stream: UnsafeMutablePointer<z_stream>,
        _ input: UnsafeRawBufferPointer,
        flush: Int32,
        tail: inout HeldTail,
        into output: inout MessageBuffer
    ) throws(DeflateError) {
        // zlib does not write to its input; the C declaration lacks the const.
        let bytes = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes)
        stream.pointee.avail_in = UInt32(input.count)
        defer {
            stream.pointee.next_in = nil
            stream.pointee.next_out = nil
        }

        repeat {
            // The bound makes one call enough for all but large messages; the rest is for the flush and the held tail.
            let bound = Int(deflateBound(stream, UInt(stream.pointee.avail_in))) + 32
            let room = output.room(atLeast: min(bound, Self.largestStep))
            let size = min(room.count, Int(UInt32.max))
            let start = tail.place(in: room)
            stream.pointee.next_out = room.baseAddress?.advanced(by: start).assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(size - start)
            guard CZlib.deflate(stream, flush) != Z_STREAM_ERROR else { throw .invalidParameters }
            let written = size - Int(stream.pointee.avail_out)
            output.commit(tail.hold(endOf: room, written: written))
        } while stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0
    }

    private static func appendZero(to output: inout MessageBuffer) {
        output.room(atLeast: 1).storeBytes(of: 0, as: UInt8.self)
        output.commit(1)
    }

    /// The last bytes that zlib wrote, held back until it is known whether they end the message: bytes that are committed to
    /// a ``MessageBuffer`` stay there.
    private struct HeldTail {
        private var bytes: UInt32 = 0
        private var count = 0

        /// Puts the held bytes at the start of a room; new ones go behind them.
        mutating func place(in room: UnsafeMutableRawBufferPointer) -> Int {
            withUnsafeBytes(of: self.bytes) {
                room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<self.count]))
            }
            return self.count
        }

        /// Takes the last bytes written to a room, and returns how many stand before them.
        mutating func hold(endOf room: UnsafeMutableRawBufferPointer, written: Int) -> Int {
            self.count = min(written, Deflater.tailSize)
            let start = written - self.count
            let end = UnsafeRawBufferPointer(rebasing: room[start..<written])
            withUnsafeMutableBytes(of: &self.bytes) { $0.copyMemory(from: end) }
            return start
        }

        /// Gives the held bytes to the output after all.
        mutating func release(into output: inout MessageBuffer) {
            withUnsafeBytes(of: self.bytes) { output.append(UnsafeRawBufferPointer(rebasing: $0[..<self.count])) }
            self.count = 0
        }
    }
}
