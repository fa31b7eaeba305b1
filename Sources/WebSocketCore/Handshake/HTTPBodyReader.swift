/// Takes the first bytes of an HTTP/1.x response's body out of slices of any size, up to a limit (RFC 9112 sections 6 and 7).
///
/// Wrong framing ends the body: what is read here is for people to look at.
package struct HTTPBodyReader: Sendable {
    private enum State {
        /// This many bytes are still to come.
        case bytes(Int)
        /// Up to the end of the connection.
        case toEnd
        /// Within the line that says how long the next chunk is; extensions behind the number do not count.
        case chunkSize(UInt64, isReadingNumber: Bool)
        /// In a chunk, of which this many bytes are still to come.
        case chunk(UInt64)
        /// At the line end behind a chunk.
        case chunkEnd
        case finished
    }

    private var state: State
    private var room: Int

    /// - Parameter limit: how many bytes are wanted.
    package init(_ head: HTTPResponseHead, limit: Int) {
        self.room = limit
        self.state = Self.framing(head)
        if limit <= 0 { self.state = .finished }
    }

    private static func framing(_ head: HTTPResponseHead) -> State {
        if head.status < 200 || head.status == 204 || head.status == 304 { return .finished }
        let codings = HTTPGrammar.listElements(head.headers[values: "Transfer-Encoding"])
        if let last = codings.last {
            return HTTPGrammar.isSame(last, "chunked") ? .chunkSize(0, isReadingNumber: true) : .toEnd
        }
        guard let length = head.headers["Content-Length"] else { return .toEnd }
        guard let length = Int(length), length > 0 else { return .finished }
        return .bytes(length)
    }

    /// Whether the body has ended or the limit is reached.
    package var isFinished: Bool {
        if case .finished = self.state { true } else { false }
    }

    /// Reads on.
    ///
    /// - Returns: what of the bytes is body, without the framing.
    package mutating func read(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        var body: ArraySlice<UInt8> = []
        var rest = bytes[...]
        while !rest.isEmpty, !self.isFinished {
            switch self.state {
            case .bytes(let count):
                let part = self.take(min(count, rest.count), of: &rest)
                body += part
                if !self.isFinished { self.state = part.count == count ? .finished : .bytes(count - part.count) }
            case .toEnd:
                body += self.take(rest.count, of: &rest)
            case .chunk(let count):
                let part = self.take(Int(min(count, UInt64(rest.count))), of: &rest)
                body += part
                let left = count - UInt64(part.count)
                if !self.isFinished { self.state = left == 0 ? .chunkEnd : .chunk(left) }
            case .chunkSize(let size, let isReadingNumber):
                self.readChunkSize(rest.removeFirst(), size, isReadingNumber)
            case .chunkEnd:
                self.readChunkEnd(rest.removeFirst())
            case .finished:
                break
            }
        }
        return body
    }

    private mutating func take(_ count: Int, of rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let part = rest.prefix(min(count, self.room))
        rest = rest.dropFirst(part.count)
        self.room -= part.count
        if self.room == 0 { self.state = .finished }
        return part
    }

    private mutating func readChunkSize(_ byte: UInt8, _ size: UInt64, _ isReadingNumber: Bool) {
        if byte == UInt8(ascii: "\n") {
            // The last chunk is empty; the fields behind it are not looked at.
            self.state = size == 0 ? .finished : .chunk(size)
        } else if isReadingNumber, let digit = Character(UnicodeScalar(byte)).hexDigitValue {
            self.state = size >> 60 == 0 ? .chunkSize(size << 4 | UInt64(digit), isReadingNumber: true) : .finished
        } else {
            self.state = .chunkSize(size, isReadingNumber: false)
        }
    }

    private mutating func readChunkEnd(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\r"): break
        case UInt8(ascii: "\n"): self.state = .chunkSize(0, isReadingNumber: true)
        default: self.state = .finished
        }
    }
}
