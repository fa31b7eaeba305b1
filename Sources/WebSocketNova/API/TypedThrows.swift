internal import WebSocketCore

extension String {
    /// The bytes of its UTF-8, with a typed error. See the array's.
    func withUTF8Bytes<Value>(
        _ body: (UnsafeRawBufferPointer) throws(WebSocketError) -> Value
    ) throws(WebSocketError) -> Value {
        try self.utf8Span.span.withUnsafeBytes(body)
    }
}

extension [UInt8] {
    /// `withUnsafeBytes` with a typed error. Of a span, because that passes the error on as it is: in a `Result` it would be
    /// room that is moved about with each message.
    func withBytes<Value>(
        _ body: (UnsafeRawBufferPointer) throws(WebSocketError) -> Value
    ) throws(WebSocketError) -> Value {
        try self.span.withUnsafeBytes(body)
    }
}

extension WebSocketBytes {
    /// `withUnsafeBytes` with a typed error.
    func withRawBytes<Value>(
        _ body: (UnsafeRawBufferPointer) throws(WebSocketError) -> Value
    ) throws(WebSocketError) -> Value {
        switch self.storage {
        case .array(let array):
            return try array.withBytes(body)
        case .shared(let memory, let offset, let count):
            defer { withExtendedLifetime(memory) {} }
            return try body(memory.bytes(at: offset, count))
        }
    }
}
