/// Takes the body of a response out of the bytes that follow its head (RFC 9112 sections 6 and 7.1).
///
/// It serves answers that this side only wants to show to its user: a body whose framing is wrong ends where that is seen,
/// and what came before is kept. Content codings (gzip) are left as they are.
package struct HTTPBodyDecoder: Sendable {
    private enum State {
        /// So many bytes are left.
        case length(Int)
        /// All there is, until the end of the stream.
        case untilEnd
        case chunkSize(Int, digits: Int)
        /// The rest of the line with the size: an extension, which is skipped.
        case chunkExtension(Int)
        case chunk(Int)
        /// Between the end of a chunk and its line end's LF.
        case chunkEnd
        case ended
    }

    private var state: State

    /// Starts behind a head.
    package init(head: HTTPResponseHead) {
        let codings = HTTPGrammar.listElements(head.headers[values: "Transfer-Encoding"])
        let lengths = Set(HTTPGrammar.listElements(head.headers[values: "Content-Length"]))
        if head.status < 200 || head.status == 204 || head.status == 304 {
            self.state = .ended
        } else if let last = codings.last {
            self.state = HTTPGrammar.isSame(last, "chunked") ? .chunkSize(0, digits: 0) : .untilEnd
        } else if lengths.count == 1, let length = lengths.first.flatMap({ Int($0) }), length >= 0 {
            self.state = length == 0 ? .ended : .length(length)
        } else {
            self.state = .untilEnd
        }
    }

    /// Whether nothing of the body is to come any more.
    package var isComplete: Bool {
        if case .ended = self.state { true } else { false }
    }

    /// Takes the next bytes, and appends what is body to `body` until that has `limit` bytes.
    package mutating func decode(_ bytes: some Collection<UInt8>, into body: inout [UInt8], limit: Int) {
        var rest = bytes[...]
        while !rest.isEmpty {
            switch self.state {
            case .ended:
                return
            case .untilEnd:
                Self.take(rest, into: &body, limit)
                return
            case .length(let count):
                let part = rest.prefix(count)
                Self.take(part, into: &body, limit)
                self.state = part.count == count ? .ended : .length(count - part.count)
                rest = rest[part.endIndex...]
            case .chunk(let count):
                let part = rest.prefix(count)
                Self.take(part, into: &body, limit)
                self.state = part.count == count ? .chunkEnd : .chunk(count - part.count)
                rest = rest[part.endIndex...]
            case .chunkSize, .chunkExtension, .chunkEnd:
                self.readFraming(rest.removeFirst())
            }
        }
    }

    private mutating func readFraming(_ byte: UInt8) {
        switch self.state {
        case .chunkSize(let size, let digits):
            if let digit = Character(UnicodeScalar(byte)).hexDigitValue {
                // No size of more than 60 bits, which nobody sends in earnest.
                self.state = digits < 15 ? .chunkSize(size << 4 | digit, digits: digits + 1) : .ended
            } else if digits > 0, byte == UInt8(ascii: "\n") {
                self.state = size == 0 ? .ended : .chunk(size)
            } else if digits > 0,
                byte == UInt8(ascii: "\r") || byte == UInt8(ascii: ";") || HTTPGrammar.isWhiteSpace(byte)
            {
                self.state = .chunkExtension(size)
            } else {
                self.state = .ended
            }
        case .chunkExtension(let size):
            // Trailer fields behind the last chunk are of no interest here.
            if byte == UInt8(ascii: "\n") { self.state = size == 0 ? .ended : .chunk(size) }
        case .chunkEnd:
            if byte == UInt8(ascii: "\n") {
                self.state = .chunkSize(0, digits: 0)
            } else if byte != UInt8(ascii: "\r") {
                self.state = .ended
            }
        case .length, .untilEnd, .chunk, .ended:
            break
        }
    }

    private static func take(_ bytes: some Collection<UInt8>, into body: inout [UInt8], _ limit: Int) {
        body.append(contentsOf: bytes.prefix(max(0, limit - body.count)))
    }
}
