import CZlib

/// Why a compressed message could not be inflated.
package enum InflateError: Error, Hashable {
    /// The bytes are no valid deflate stream.
    case corrupt
    /// The message grows past the limit.
    case tooLarge
    /// zlib has no memory.
    case outOfMemory
}

/// The receiving half of permessage-deflate (RFC 7692 section 7.2.2).
///
/// Nothing is allocated before the first compressed message: a connection that receives none costs nothing here. From then
/// on zlib holds about 7 KiB and the window (2 to the power of the window bits).
///
/// After an error the stream's place is lost, so every later call fails as ``InflateError/corrupt``.
// Sendable because the stream behind the pointer has one owner: the type cannot be copied and never hands the pointer out.
package struct Inflater: ~Copyable, @unchecked Sendable {
    /// Where in a message the stream stands.
    private enum Progress {
        case betweenMessages
        case inMessage
        /// A block with BFINAL set has ended zlib's stream, but neither the message nor, with context takeover, the window.
        case afterFinalBlock
        case broken
    }

    private let windowBits: Int32
    private let contextTakeover: Bool
    private var progress = Progress.betweenMessages
    /// On the heap, because zlib keeps a pointer back to it and refuses one that has moved.
    private var stream: UnsafeMutablePointer<z_stream>?

    /// Makes an inflater.
    ///
    /// - Parameters:
    ///   - windowBits: the peer's window, 8 to 15; what is outside is clamped.
    ///   - contextTakeover: whether a message may refer to what came in earlier ones.
    package init(windowBits: Int, contextTakeover: Bool) {
        self.windowBits = Int32(min(max(windowBits, 8), 15))
        self.contextTakeover = contextTakeover
    }

    deinit {
        guard let stream else { return }
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Whether zlib's memory has been taken.
    package var isAllocated: Bool { self.stream != nil }

    /// Inflates a piece of a message's payload and appends the result; stops as soon as `output` would exceed `limit` bytes.
    package mutating func inflate(
        _ input: UnsafeRawBufferPointer,
        into output: inout MessageBuffer,
        limit: Int
    ) throws(InflateError) {
        guard self.progress != .broken else { throw .corrupt }
        guard !input.isEmpty else { return }
        do {
            let stream = try self.openedStream()
            // zlib counts input in 32 bits.
            var rest = input
            while !rest.isEmpty {
                let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Int(UInt32.max)))
                try self.consume(piece, of: stream, into: &output, limit: limit)
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
            }
        } catch {
            self.progress = .broken
            throw error
        }
    }

    /// Ends the message: feeds the four bytes that the sender left away (RFC 7692 section 7.2.2).
    ///
    /// A message without a byte of payload passes as empty: the RFC's form is one zero byte, but nothing else can be meant.
    package mutating func finishMessage(into output: inout MessageBuffer, limit: Int) throws(InflateError) {
        if self.progress == .inMessage {
            try self.finishLastBlock(into: &output, limit: limit)
        }
        guard self.progress != .broken else { throw .corrupt }
        if let stream {
            if !self.contextTakeover {
                inflateReset(stream)
            } else if self.progress == .afterFinalBlock {
                inflateResetKeep(stream)
            }
        }
        self.progress = .betweenMessages
    }

    /// The tail must turn out to be the empty stored block that every sender ends with. Anything else means that the message
    /// was cut short, and that the tail has been read as a part of its data.
    private mutating func finishLastBlock(into output: inout MessageBuffer, limit: Int) throws(InflateError) {
        let count = output.count
        let tail: (UInt8, UInt8, UInt8, UInt8) = (0x00, 0x00, 0xff, 0xff)
        do {
            // zlib only reads the tail during this call.
            try Swift.withUnsafeBytes(of: tail) { bytes throws(InflateError) in
                try self.inflate(bytes, into: &output, limit: limit)
            }
        } catch {
            throw error == .tooLarge ? .corrupt : error
        }
        // 128: at the end of a block; plus the number of unused bits, of which there must be none.
        let isAtBlockEnd = self.progress == .afterFinalBlock || self.stream?.pointee.data_type == 128
        if output.count != count || !isAtBlockEnd { self.progress = .broken }
    }

    private mutating func openedStream() throws(InflateError) -> UnsafeMutablePointer<z_stream> {
        if let stream { return stream }
        let opened = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        opened.initialize(to: z_stream())
        // Negative: raw deflate, without zlib's header and checksum.
        guard nova_inflate_init(opened, -self.windowBits) == Z_OK else {
            opened.deallocate()
            throw .outOfMemory
        }
        self.stream = opened
        return opened
    }

    private mutating func consume(
        _ input: UnsafeRawBufferPointer,
        of stream: UnsafeMutablePointer<z_stream>,
        into output: inout MessageBuffer,
        limit: Int
    ) throws(InflateError) {
        // zlib does not write to its input; the C declaration lacks the const.
        let bytes = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes)
        stream.pointee.avail_in = UInt32(input.count)
        defer {
            stream.pointee.next_in = nil
            stream.pointee.next_out = nil
        }

        while true {
            if self.progress == .afterFinalBlock {
                // RFC 7692 section 7.2.3.4: more blocks may follow. Resetting with "keep" keeps the window.
                inflateResetKeep(stream)
            }
            let status = try Self.step(stream, into: &output, limit: limit)
            self.progress = status == Z_STREAM_END ? .afterFinalBlock : .inMessage
            if stream.pointee.avail_in == 0 {
                // With output room to spare, nothing is left inside the stream either.
                if status == Z_STREAM_END || stream.pointee.avail_out > 0 { return }
            } else if status == Z_BUF_ERROR {
                throw .corrupt
            }
        }
    }

    /// One call of zlib, with as much room as there is, though never beyond the limit.
    private static func step(
        _ stream: UnsafeMutablePointer<z_stream>,
        into output: inout MessageBuffer,
        limit: Int
    ) throws(InflateError) -> Int32 {
        let allowed = limit - output.count
        guard allowed > 0 else { return try Self.probe(stream) }

        // Four times the input is a usual ratio for text, and zlib's fast loop wants 258 bytes of room. Growth beyond the
        // estimate is geometric, so a wrong guess costs a copy and no more.
        let estimate = max(512, Int(stream.pointee.avail_in) * 4)
        let isFull = output.capacity - output.count == 0
        let room = output.room(atLeast: isFull ? min(allowed, estimate) : 1)
        let size = min(room.count, allowed, Int(UInt32.max))
        stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(size)
        let status = CZlib.inflate(stream, Z_SYNC_FLUSH)
        output.commit(size - Int(stream.pointee.avail_out))
        return try Self.checked(status)
    }

    /// At the limit: what follows may be the end of the last block, but not one more byte of data.
    private static func probe(_ stream: UnsafeMutablePointer<z_stream>) throws(InflateError) -> Int32 {
        var excess: UInt8 = 0
        let status = withUnsafeMutablePointer(to: &excess) { excess in
            stream.pointee.next_out = excess
            stream.pointee.avail_out = 1
            return CZlib.inflate(stream, Z_SYNC_FLUSH)
        }
        // The excess byte first: an error that zlib met behind it depends on how much input this call happened to have.
        guard stream.pointee.avail_out == 1 else { throw .tooLarge }
        return try Self.checked(status)
    }

    private static func checked(_ status: Int32) throws(InflateError) -> Int32 {
        switch status {
        // A buffer error only says that there was nothing to do.
        case Z_OK, Z_STREAM_END, Z_BUF_ERROR: return status
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .corrupt
        }
    }
}
