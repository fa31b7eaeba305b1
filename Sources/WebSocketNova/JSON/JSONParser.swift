internal import WebSocketCore

/// Reads one JSON text (RFC 8259) into a ``JSONValue``.
///
/// Every message of a service that speaks JSON comes through here to be routed, so it goes over the bytes once, by itself:
/// Foundation's decoder finds out what a value is by failing to decode it as something else.
///
/// - Complexity: linear in the number of bytes. Nesting is bounded, because whoever goes over the value takes some of the
///   stack for each level.
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

    /// An array or object whose end has not come.
    private struct Open {
        var isObject: Bool
        /// Where its values begin among all that wait.
        var start: Int
    }

    /// Where the next byte is.
    var position = 0
    // The parser keeps account of nesting itself, because the depth is the peer's choice and stacks may be small.
    private var open: [Open] = []
    /// The values of all open arrays, so that each is made at once in its size.
    private var elements: [JSONValue] = []
    private var members: [(name: String, value: JSONValue)] = []
    /// The names whose values have not come, of all open objects.
    private var names: [String] = []

    private init() {}

    /// Reads a text of one value.
    ///
    /// Of members with one name the last counts, as RFC 8259 section 4 leaves open and most do. A byte order mark is refused,
    /// as section 8.1 forbids it.
    static func parse(_ bytes: Span<UInt8>) throws(Failure) -> JSONValue {
        var parser = JSONParser()
        while true {
            var value = try parser.value(in: bytes)
            while let complete = value, let innermost = parser.open.last {
                value = try parser.add(complete, to: innermost, in: bytes)
            }
            guard let value else { continue }
            guard parser.nextByte(in: bytes) == nil else { throw parser.failure("something follows the value") }
            return value
        }
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

    /// Passes a value that has no others in it, or the beginning of one that has.
    ///
    /// - Returns: the value; nil if an array or object is open now, of which the first value comes next.
    private mutating func value(in bytes: Span<UInt8>) throws(Failure) -> JSONValue? {
        guard let byte = self.nextByte(in: bytes) else { throw self.failure("the text ends where a value is expected") }
        switch byte {
        case UInt8(ascii: "\""): return .string(try self.string(in: bytes))
        case UInt8(ascii: "{"): return try self.begin(isObject: true, in: bytes) ? nil : .object([:])
        case UInt8(ascii: "["): return try self.begin(isObject: false, in: bytes) ? nil : .array([])
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

    /// Passes an opening bracket, and the closing one if it comes next.
    ///
    /// - Returns: whether a value comes before it.
    private mutating func begin(isObject: Bool, in bytes: Span<UInt8>) throws(Failure) -> Bool {
        guard self.open.count < Self.maximumDepth else { throw self.failure("nested deeper than \(Self.maximumDepth)") }
        self.position += 1
        if self.nextByte(in: bytes) == Self.end(isObject) {
            self.position += 1
            return false
        }
        self.open.append(Open(isObject: isObject, start: isObject ? self.members.count : self.elements.count))
        if isObject { try self.name(in: bytes) }
        return true
    }

    private static func end(_ isObject: Bool) -> UInt8 { isObject ? UInt8(ascii: "}") : UInt8(ascii: "]") }

    /// Passes a member's name and the colon behind it.
    private mutating func name(in bytes: Span<UInt8>) throws(Failure) {
        guard self.nextByte(in: bytes) == UInt8(ascii: "\"") else { throw self.failure("a name is expected") }
        self.names.append(try self.string(in: bytes))
        guard self.nextByte(in: bytes) == UInt8(ascii: ":") else { throw self.failure("a colon is expected") }
        self.position += 1
    }

    /// Passes what follows a value in the innermost array or object: a comma, or its end.
    ///
    /// - Returns: the array or object, if that was its end.
    private mutating func add(
        _ value: JSONValue,
        to innermost: Open,
        in bytes: Span<UInt8>
    ) throws(Failure) -> JSONValue? {
        if innermost.isObject {
            self.members.append((self.names.removeLast(), value))
        } else {
            self.elements.append(value)
        }
        let byte = self.nextByte(in: bytes)
        if byte == UInt8(ascii: ",") {
            self.position += 1
            if innermost.isObject { try self.name(in: bytes) }
            return nil
        }
        guard byte == Self.end(innermost.isObject) else {
            throw self.failure("a comma or the end of the \(innermost.isObject ? "object" : "array") is expected")
        }
        self.position += 1
        self.open.removeLast()
        return innermost.isObject
            ? .object(self.object(from: innermost.start)) : .array(self.array(from: innermost.start))
    }

    private mutating func array(from start: Int) -> [JSONValue] {
        let array = Array(self.elements[start...])
        self.elements.removeSubrange(start...)
        return array
    }

    private mutating func object(from start: Int) -> [String: JSONValue] {
        var object = [String: JSONValue](minimumCapacity: self.members.count - start)
        for member in self.members[start...] { object[member.name] = member.value }
        self.members.removeSubrange(start...)
        return object
    }
}
