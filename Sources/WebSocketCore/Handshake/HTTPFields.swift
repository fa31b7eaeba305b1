/// HTTP header fields in order; names compare without regard to case (RFC 9110 section 5.1).
public struct HTTPFields: Sendable, Hashable {
    /// One field.
    public struct Field: Sendable, Hashable {
        /// The name as it was written.
        public var name: String
        /// The value without surrounding white space.
        public var value: String

        /// Makes a field.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    private var fields: [Field] = []

    /// No fields.
    public init() {}

    /// Adds a field at the end, beside any of the same name.
    public mutating func append(name: String, value: String) {
        self.fields.append(Field(name: name, value: value))
    }

    /// The first value of a name, or nil. Setting it replaces every field of that name; nil removes them.
    public subscript(name: String) -> String? {
        get { self.fields.first { Self.isSameName($0.name, name) }?.value }
        set {
            let place = self.fields.firstIndex { Self.isSameName($0.name, name) }
            self.fields.removeAll { Self.isSameName($0.name, name) }
            if let newValue {
                self.fields.insert(Field(name: name, value: newValue), at: place ?? self.fields.endIndex)
            }
        }
    }

    /// Every value of a name, in order.
    public subscript(values name: String) -> [String] {
        self.fields.filter { Self.isSameName($0.name, name) }.map(\.value)
    }

    /// Whether there is a field of that name.
    public func contains(_ name: String) -> Bool {
        self.fields.contains { Self.isSameName($0.name, name) }
    }

    /// ASCII case folding only: a field name is a token, so nothing beyond ASCII can match.
    package static func isSameName(_ left: String, _ right: String) -> Bool {
        let left = left.utf8
        let right = right.utf8
        return left.count == right.count && zip(left, right).allSatisfy { Self.folded($0) == Self.folded($1) }
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

extension HTTPFields: RandomAccessCollection {
    public var startIndex: Int { self.fields.startIndex }
    public var endIndex: Int { self.fields.endIndex }

    public subscript(position: Int) -> Field { self.fields[position] }
}

extension HTTPFields: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { self.append(name: name, value: value) }
    }
}

extension HTTPFields: CustomStringConvertible, CustomReflectable {
    /// Names only: values may be secrets, and descriptions end up in logs.
    public var description: String {
        "[" + self.fields.map(\.name).joined(separator: ", ") + "]"
    }

    /// Of `dump`: names only.
    public var customMirror: Mirror { Mirror(self, unlabeledChildren: self.fields.map(\.name)) }
}
