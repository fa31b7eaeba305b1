internal import WebSocketCore

extension String {
    /// `withUTF8` with a typed error, which the standard library's cannot pass on.
    mutating func withUTF8Bytes<Value>(
        _ body: (UnsafeRawBufferPointer) throws(WebSocketError) -> Value
    ) throws(WebSocketError) -> Value {
        let result: Result<Value, WebSocketError> = self.withUTF8 { utf8 in
            do throws(WebSocketError) {
                return .success(try body(UnsafeRawBufferPointer(utf8)))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

extension [UInt8] {
    /// `withUnsafeBytes` with a typed error.
    func withBytes<Value>(
        _ body: (UnsafeRawBufferPointer) throws(WebSocketError) -> Value
    ) throws(WebSocketError) -> Value {
        let result: Result<Value, WebSocketError> = self.withUnsafeBytes { bytes in
            do throws(WebSocketError) {
                return .success(try body(bytes))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
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
