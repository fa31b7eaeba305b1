internal import WebSocketCore

/// Reads one JSON text (RFC 8259) into a ``JSONValue``.
///
/// Every message of a service that speaks JSON comes through here to be routed, so it goes over the bytes once, by itself:
/// Foundation's decoder finds out what a value is by failing to decode it as something else.
///
/// - Complexity: linear in the number of bytes. Nesting is bounded, because each level takes some of the stack.
struct JSONParser {
    /// What is wrong with a text, and where.
    struct Failure: Error, Equatable {
        /// What was expected, or is not allowed. Nothing of the text, which may be secret.
        var problem: String
        /// The offset in bytes of the place.
        var offset: Int
    }

    /// How deep arrays and objects may be nested in each other: as deep as Foundation's coders allow.
    static let maximumDepth = 512

    /// Where the next byte is.
    var position = 0
    private var depth = 0
    /// The elements and members of all arrays and objects that are not finished, so that each is made at once in its size.
    private var elements: [JSONValue] = []
    private var members: [(name: String, value: JSONValue)] = []

    private init() {}

    /// Reads a text of one value.
    ///
    /// Of members with one name the last counts, as RFC 8259 section 4 leaves open and most do. A byte order mark is refused,
    /// as section 8.1 forbids it.
    static func parse(_ bytes: Span<UInt8>) throws(Failure) -> JSONValue {
        var parser = JSONParser()
        let value = try parser.value(in: bytes)
        guard parser.nextByte(in: bytes) == nil else { throw parser.failure("something follows the value") }
        return value
    }

    func failure(_ problem: String) -> Failure { Failure(problem: problem, offset: self.position) }

    /// The next byte that is no white space, which stays the next; nil at the end.
    private mutating func nextByte(in bytes: Span<UInt8>) -> UInt8? {
        while self.position < bytes.count {
            let byte = bytes[self.position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            self.position += 1
        }
        return nil
    }

    private mutating func value(in bytes: Span<UInt8>) throws(Failure) -> JSONValue {
        guard let byte = self.nextByte(in: bytes) else { throw self.failure("the text ends where a value is expected") }
        switch byte {
        case UInt8(ascii: "\""): return .string(try self.string(in: bytes))
        case UInt8(ascii: "{"): return try self.object(in: bytes)
        case UInt8(ascii: "["): return try self.array(in: bytes)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try self.number(in: bytes)
        case UInt8(ascii: "t"): return try self.word("true", .bool(true), in: bytes)
        case UInt8(ascii: "f"): return try self.word("false", .bool(false), in: bytes)
        case UInt8(ascii: "n"): return try self.word("null", .null, in: bytes)
        default: throw self.failure("no value begins like this")
        }
    }

    private mutating func word(
        _ word: String,
        _ value: JSONValue,
        in bytes: Span<UInt8>
    ) throws(Failure) -> JSONValue {
        for byte in word.utf8 {
            guard self.position < bytes.count, bytes[self.position] == byte else {
                throw self.failure("no value begins like this")
            }
            self.position += 1
        }
        return value
    }

    // MARK: Arrays and objects

    /// Passes the opening bracket.
    private mutating func enter() throws(Failure) {
        guard self.depth < Self.maximumDepth else { throw self.failure("nested deeper than \(Self.maximumDepth)") }
        self.depth += 1
        self.position += 1
    }

    /// Passes the closing bracket.
    private mutating func leave() {
        self.depth -= 1
        self.position += 1
    }

    /// Passes a comma, or the closing bracket.
    ///
    /// - Returns: whether something follows.
    private mutating func goesOn(until end: UInt8, in bytes: Span<UInt8>) throws(Failure) -> Bool {
        let byte = self.nextByte(in: bytes)
        if byte == UInt8(ascii: ",") {
            self.position += 1
            return true
        }
        guard byte == end else {
            throw self.failure("\"\(Unicode.Scalar(end))\" or a comma is expected")
        }
        self.leave()
        return false
    }

    private mutating func array(in bytes: Span<UInt8>) throws(Failure) -> JSONValue {
        try self.enter()
        if self.nextByte(in: bytes) == UInt8(ascii: "]") {
            self.leave()
            return .array([])
        }
        let start = self.elements.count
        repeat {
            self.elements.append(try self.value(in: bytes))
        } while try self.goesOn(until: UInt8(ascii: "]"), in: bytes)
        let array = Array(self.elements[start...])
        self.elements.removeSubrange(start...)
        return .array(array)
    }

    private mutating func object(in bytes: Span<UInt8>) throws(Failure) -> JSONValue {
        try self.enter()
        if self.nextByte(in: bytes) == UInt8(ascii: "}") {
            self.leave()
            return .object([:])
        }
        let start = self.members.count
        repeat {
            guard self.nextByte(in: bytes) == UInt8(ascii: "\"") else { throw self.failure("a name is expected") }
            let name = try self.string(in: bytes)
            guard self.nextByte(in: bytes) == UInt8(ascii: ":") else { throw self.failure("a colon is expected") }
            self.position += 1
            self.members.append((name, try self.value(in: bytes)))
        } while try self.goesOn(until: UInt8(ascii: "}"), in: bytes)
        var object = [String: JSONValue](minimumCapacity: self.members.count - start)
        for member in self.members[start...] { object[member.name] = member.value }
        self.members.removeSubrange(start...)
        return .object(object)
    }
}
