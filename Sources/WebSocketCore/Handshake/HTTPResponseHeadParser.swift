/// Reads the head of an HTTP/1.1 response (RFC 9112 sections 2 to 5) out of slices of any size.
///
/// One parser reads one head. What follows an interim response (status 1xx other than 101) is another head, for another parser.
///
/// What is taken beside the strict grammar, all of it allowed by the RFC or harmless to a client that reads one response:
/// - A line may end with LF alone (section 2.2). A CR anywhere else is refused.
/// - White space in the status line may be any run of spaces and tabs (section 4); the reason may be empty, and the space in
///   front of it missing.
/// - A folded value (obs-fold) is joined by one space (section 5.2).
///
/// What is refused: anything before the status line, white space around a field's name (section 5.1: readers that differ
/// on it have been attacked with it), NUL and other control characters in values (RFC 9110 section 5.5).
package struct HTTPResponseHeadParser: Sendable {
    /// Why a head could not be read.
    package struct Failure: Error, Hashable, CustomStringConvertible {
        package enum Kind: Sendable {
            /// What came is not the head of an HTTP/1.x response.
            case syntax
            /// There is more of it than the limits allow.
            case limit
        }

        package var kind: Kind
        /// In words; no value of a field is in it.
        package var description: String
    }

    /// What a call of ``parse(_:)`` has done.
    package struct Progress: Hashable {
        /// How many of the bytes belong to the head. All of them, unless it ended before.
        package var consumed: Int
        /// Nil as long as the head has not ended.
        package var head: HTTPResponseHead?
    }

    /// The most fields that a head may have by default: far above what servers send, far below what costs time.
    package static let maximumFieldCount = 1_000

    private enum State {
        case statusLine
        case fields
        case finished
        case failed(Failure)
    }

    private static let prefix = Array("HTTP/1.".utf8)

    private let maximumSize: Int
    private let maximumFieldCount: Int
    private var state = State.statusLine
    private var size = 0
    /// The beginning of a line whose end has not come.
    private var line: [UInt8] = []
    /// The field of the line before, which the next line may continue.
    private var name = ""
    private var value: [UInt8]?
    private var head = HTTPResponseHead(status: 0, headers: HTTPFields())

    /// - Parameters:
    ///   - maximumSize: of the head in bytes, line ends included. It bounds the memory that the parser takes.
    ///   - maximumFieldCount: how many fields there may be, repeated ones counted each time.
    package init(maximumSize: Int, maximumFieldCount: Int = HTTPResponseHeadParser.maximumFieldCount) {
        self.maximumSize = maximumSize
        self.maximumFieldCount = maximumFieldCount
    }

    /// Reads on. After the end of the head it takes nothing more; after a failure it fails again in the same way.
    package mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> Progress {
        var rest = bytes[...]
        while true {
            switch self.state {
            case .finished:
                return Progress(consumed: bytes.count - rest.count, head: self.head)
            case .failed(let failure):
                throw failure
            case .statusLine, .fields:
                guard !rest.isEmpty else { return Progress(consumed: bytes.count, head: nil) }
                do {
                    try self.readLine(&rest)
                } catch {
                    self.state = .failed(error)
                }
            }
        }
    }

    /// Reads on, from an array.
    package mutating func parse(_ bytes: [UInt8]) throws(Failure) -> Progress {
        let result: Result<Progress, Failure> = bytes.withUnsafeBytes { bytes in
            do throws(Failure) {
                return .success(try self.parse(bytes))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    // MARK: Lines

    private mutating func readLine(_ rest: inout Slice<UnsafeRawBufferPointer>) throws(Failure) {
        let allowed = rest.prefix(self.maximumSize - self.size)
        let lineFeed = allowed.firstIndex(of: UInt8(ascii: "\n"))
        let part = lineFeed.map { allowed[...$0] } ?? allowed
        self.line.append(contentsOf: part)
        self.size += part.count
        rest = rest[part.endIndex...]
        if case .statusLine = self.state, !self.line.starts(with: Self.prefix.prefix(self.line.count)) {
            // Said at once: what speaks another protocol may never end its line.
            throw Self.syntax("it does not begin with HTTP/1.x")
        }
        guard lineFeed != nil else {
            if !rest.isEmpty { throw Self.limit("it has more than \(self.maximumSize) bytes") }
            return
        }
        self.line.removeLast()
        if self.line.last == UInt8(ascii: "\r") { self.line.removeLast() }
        try self.lineEnded()
        self.line.removeAll(keepingCapacity: true)
    }

    private mutating func lineEnded() throws(Failure) {
        if case .statusLine = self.state {
            try self.readStatusLine()
            self.state = .fields
        } else if let first = self.line.first, HTTPGrammar.isWhiteSpace(first) {
            try self.readContinuation()
        } else {
            self.fieldEnded()
            if self.line.isEmpty { self.state = .finished } else { try self.readField() }
        }
    }

    // MARK: The status line

    private mutating func readStatusLine() throws(Failure) {
        var rest = self.line[...].dropFirst(Self.prefix.count)
        guard let minor = rest.popFirst().flatMap(Self.digit) else {
            throw Self.syntax("its version is not HTTP/1.x")
        }
        let afterVersion = rest.drop(while: HTTPGrammar.isWhiteSpace)
        guard afterVersion.count < rest.count else { throw Self.syntax("its version is not HTTP/1.x") }
        let digits = afterVersion.prefix { !HTTPGrammar.isWhiteSpace($0) }
        let values = digits.compactMap(Self.digit)
        guard digits.count == 3, values.count == 3, values[0] > 0 else {
            throw Self.syntax("its status is not a number of three digits")
        }
        try Self.checkValue(afterVersion[digits.endIndex...], of: "the reason in its status line")
        self.head.status = values.reduce(0) { $0 * 10 + $1 }
        self.head.minorVersion = minor
    }

    private static func digit(_ byte: UInt8) -> Int? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int(byte - UInt8(ascii: "0")) : nil
    }

    // MARK: Fields

    private mutating func readField() throws(Failure) {
        guard self.head.headers.count < self.maximumFieldCount else {
            throw Self.limit("it has more than \(self.maximumFieldCount) fields")
        }
        guard let colon = self.line.firstIndex(of: UInt8(ascii: ":")) else {
            throw Self.syntax("field \(self.head.headers.count + 1) has no colon")
        }
        let name = self.line[..<colon]
        guard !name.isEmpty else { throw Self.syntax("field \(self.head.headers.count + 1) has no name") }
        if let wrong = name.first(where: { !HTTPGrammar.isTokenCharacter($0) }) {
            let shown = HTTPGrammar.quoted(String(decoding: name, as: UTF8.self))
            throw Self.syntax("the name of field \(shown) has \(HTTPGrammar.name(of: wrong)) in it")
        }
        self.name = String(decoding: name, as: UTF8.self)
        let value = self.line[colon...].dropFirst()
        try Self.checkValue(value, of: "field \(HTTPGrammar.quoted(self.name))")
        self.value = Array(HTTPGrammar.trimmed(value))
    }

    /// RFC 9112 section 5.2: a fold is replaced with spaces before the value is looked at.
    private mutating func readContinuation() throws(Failure) {
        guard self.value != nil else { throw Self.syntax("white space stands in front of its first field") }
        try Self.checkValue(self.line[...], of: "field \(HTTPGrammar.quoted(self.name))")
        let part = HTTPGrammar.trimmed(self.line[...])
        guard !part.isEmpty else { return }
        if self.value?.isEmpty == false { self.value?.append(UInt8(ascii: " ")) }
        self.value?.append(contentsOf: part)
    }

    private mutating func fieldEnded() {
        guard let value = self.value.take() else { return }
        self.head.headers.append(name: self.name, value: String(decoding: value, as: UTF8.self))
    }

    private static func checkValue(_ bytes: ArraySlice<UInt8>, of what: String) throws(Failure) {
        if let wrong = bytes.first(where: { !HTTPGrammar.isValueCharacter($0) }) {
            throw Self.syntax("\(what) has \(HTTPGrammar.name(of: wrong)) in it")
        }
    }

    private static func syntax(_ words: String) -> Failure { Failure(kind: .syntax, description: words) }
    private static func limit(_ words: String) -> Failure { Failure(kind: .limit, description: words) }
}
