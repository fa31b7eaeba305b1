/// Why a compressed message could not be inflated.
package enum InflateError: Error, Hashable {
    /// The bytes are no valid deflate stream.
    case corrupt
    /// The message grows past the limit.
    case tooLarge
    /// zlib has no memory.
    case outOfMemory
}

/// The receiving half of permessage-deflate.
package struct Inflater: ~Copyable {
    package init(windowBits: Int, contextTakeover: Bool) {}

    /// Inflates a piece of a message's payload and appends the result; stops as soon as `output` would exceed `limit` bytes.
    package mutating func inflate(
        _ input: UnsafeRawBufferPointer,
        into output: inout MessageBuffer,
        limit: Int
    ) throws(InflateError) {
        throw .corrupt
    }

    /// Ends the message: feeds the four bytes that the sender left away (RFC 7692 section 7.2.2).
    package mutating func finishMessage(into output: inout MessageBuffer, limit: Int) throws(InflateError) {
        throw .corrupt
    }
}
