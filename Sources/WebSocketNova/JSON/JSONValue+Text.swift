public import WebSocketCore

extension JSONValue {
    /// Reads JSON text (RFC 8259): one value, with white space around it or none.
    ///
    /// Of members with one name the last counts. Arrays and objects may be nested in each other 512 deep.
    ///
    /// - Throws: `invalid_message`, which names what is wrong and the offset in bytes, and quotes nothing of the text.
    /// - Complexity: linear in the length of the text.
    public init(parsing text: String) throws(WebSocketError) {
        do {
            self = try JSONParser.parse(text.utf8Span.span)
        } catch {
            throw error.error
        }
    }

    /// Reads JSON text in UTF-8: see ``init(parsing:)-(String)``.
    public init(parsing bytes: [UInt8]) throws(WebSocketError) {
        do {
            self = try JSONParser.parse(bytes.span)
        } catch {
            throw error.error
        }
    }

    /// The value as JSON text, without white space; the members of objects are in the order of their names.
    ///
    /// - Throws: `invalid_message` for a number that is not finite, and for more than 512 levels.
    public func text() throws(WebSocketError) -> String {
        var writer = JSONWriter()
        try writer.write(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension JSONParser.Failure {
    fileprivate var error: WebSocketError {
        WebSocketError(.invalidMessage, "not JSON: \(self.problem), at byte \(self.offset)")
    }
}
