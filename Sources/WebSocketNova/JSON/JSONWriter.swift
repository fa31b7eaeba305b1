internal import WebSocketCore

/// Writes a ``JSONValue`` as JSON text (RFC 8259), without white space and with the members of objects in the order of
/// their names: one value has one text, which tests and logs can compare.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private var depth = 0

    /// Appends a value.
    ///
    /// - Throws: `invalid_message` for a number that JSON does not have, and for what is nested too deep to be read back.
    mutating func write(_ value: JSONValue) throws(WebSocketError) {
        switch value {
        case .null: self.write("null")
        case .bool(let value): self.write(value ? "true" : "false")
        case .integer(let value): self.write(String(value))
        case .number(let value): try self.write(value)
        case .string(let text): self.quote(text)
        case .array(let elements): try self.write(elements)
        case .object(let members): try self.write(members)
        }
    }

    private mutating func write(_ text: String) { self.bytes.append(contentsOf: text.utf8) }

    private mutating func write(_ value: Double) throws(WebSocketError) {
        guard value.isFinite else { throw WebSocketError(.invalidMessage, "JSON has no number \(value)") }
        let text = value.description
        // As everybody writes it: 5, not 5.0.
        self.write(text.hasSuffix(".0") ? String(text.dropLast(2)) : text)
    }

    private mutating func write(_ elements: [JSONValue]) throws(WebSocketError) {
        try self.enter(UInt8(ascii: "["))
        for index in elements.indices {
            if index > 0 { self.bytes.append(UInt8(ascii: ",")) }
            try self.write(elements[index])
        }
        self.leave(UInt8(ascii: "]"))
    }

    private mutating func write(_ members: [String: JSONValue]) throws(WebSocketError) {
        try self.enter(UInt8(ascii: "{"))
        var isFirst = true
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            if !isFirst { self.bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            self.quote(name)
            self.bytes.append(UInt8(ascii: ":"))
            try self.write(value)
        }
        self.leave(UInt8(ascii: "}"))
    }

    private mutating func enter(_ bracket: UInt8) throws(WebSocketError) {
        guard self.depth < JSONParser.maximumDepth else {
            throw WebSocketError(.invalidMessage, "the JSON is nested deeper than \(JSONParser.maximumDepth)")
        }
        self.depth += 1
        self.bytes.append(bracket)
    }

    private mutating func leave(_ bracket: UInt8) {
        self.depth -= 1
        self.bytes.append(bracket)
    }

    /// Section 7: quotation mark, backslash and control characters must be escaped, and nothing else is.
    private mutating func quote(_ text: String) {
        self.bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): self.escape(byte)
            case 0x08: self.escape(UInt8(ascii: "b"))
            case 0x09: self.escape(UInt8(ascii: "t"))
            case 0x0A: self.escape(UInt8(ascii: "n"))
            case 0x0C: self.escape(UInt8(ascii: "f"))
            case 0x0D: self.escape(UInt8(ascii: "r"))
            case 0..<0x20: self.write("\\u00" + hexadecimal([byte]))
            default: self.bytes.append(byte)
            }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        self.bytes.append(UInt8(ascii: "\\"))
        self.bytes.append(byte)
    }
}
