/// The bytes of a binary message: a collection that cannot change.
///
/// A message of up to 16 KiB that came together with others shares memory with them, up to 64 KiB, and holds on to all of it.
/// Who keeps a few small messages of many for long should keep ``array`` instead.
///
/// It is as good as an array wherever bytes are read: an index costs a check, ``withUnsafeBytes(_:)`` and ``withBytes(_:)``
/// give all of them, and initializers that take a sequence of bytes, like those of `Array`, `String(decoding:as:)` and
/// Foundation's `Data`, copy them in one piece.
public struct WebSocketBytes: Sendable {
    @usableFromInline
    enum Storage: Sendable {
        case array([UInt8])
        case shared(InboundMemory, offset: UInt32, count: UInt32)
    }

    @usableFromInline let storage: Storage

    /// The bytes of an array, which is not copied.
    @inlinable
    public init(_ array: [UInt8]) {
        self.storage = .array(array)
    }

    /// A copy of some bytes.
    @inlinable
    public init(_ bytes: some Sequence<UInt8>) {
        self.storage = .array([UInt8](bytes))
    }

    /// A piece of memory that messages share.
    init(_ memory: InboundMemory, offset: UInt32, count: UInt32) {
        self.storage = .shared(memory, offset: offset, count: count)
    }

    /// The bytes as an array that holds on to no other memory.
    ///
    /// Nothing is copied where the message has memory of its own, as large ones have.
    @inlinable
    public var array: [UInt8] {
        switch self.storage {
        case .array(let array): array
        case .shared(let memory, let offset, let count): [UInt8](memory.bytes(at: offset, count))
        }
    }

    /// Gives `body` the bytes, which are good for the time of the call.
    @inlinable
    public func withUnsafeBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        switch self.storage {
        case .array(let array):
            return try array.withUnsafeBytes(body)
        case .shared(let memory, let offset, let count):
            // The memory lives as long as this value, which is borrowed here.
            defer { withExtendedLifetime(memory) {} }
            return try body(memory.bytes(at: offset, count))
        }
    }

    /// Gives `body` the bytes as a span, of which the compiler makes sure that it does not outlive the call.
    @inlinable
    public func withBytes<Value>(_ body: (RawSpan) throws -> Value) rethrows -> Value {
        try self.withUnsafeBytes { try body($0.bytes) }
    }
}

extension WebSocketBytes: RandomAccessCollection {
    /// Always 0.
    @inlinable
    public var startIndex: Int { 0 }

    /// The number of bytes.
    @inlinable
    public var endIndex: Int { self.count }

    /// The number of bytes.
    @inlinable
    public var count: Int {
        switch self.storage {
        case .array(let array): array.count
        case .shared(_, _, let count): Int(count)
        }
    }

    /// The byte at a position.
    ///
    /// - Precondition: the position is within `indices`, as for an array.
    @inlinable
    public subscript(position: Int) -> UInt8 {
        switch self.storage {
        case .array(let array):
            return array[position]
        case .shared(let memory, let offset, let count):
            precondition(position >= 0 && position < Int(count), "the index is outside of the bytes")
            return memory.start.load(fromByteOffset: Int(offset) &+ position, as: UInt8.self)
        }
    }

    /// All of the bytes in one piece: there always is one.
    @inlinable
    public func withContiguousStorageIfAvailable<Value>(
        _ body: (UnsafeBufferPointer<UInt8>) throws -> Value
    ) rethrows -> Value? {
        try self.withUnsafeBytes { try body($0.assumingMemoryBound(to: UInt8.self)) }
    }
}

extension WebSocketBytes: Hashable {
    /// Whether both have the same bytes.
    public static func == (one: Self, other: Self) -> Bool {
        guard one.count == other.count else { return false }
        return one.withUnsafeBytes { one in other.withUnsafeBytes { one.elementsEqual($0) } }
    }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.count)
        self.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

extension WebSocketBytes: ExpressibleByArrayLiteral {
    /// The bytes of a literal.
    public init(arrayLiteral elements: UInt8...) {
        self.init(elements)
    }
}

extension WebSocketBytes: CustomStringConvertible {
    /// The bytes as those of an array are shown.
    public var description: String { self.array.description }
}
