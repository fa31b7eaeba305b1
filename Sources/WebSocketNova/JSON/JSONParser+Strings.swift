// RFC 8259 section 7.
extension JSONParser {
    /// Passes a string.
    mutating func string(in bytes: Span<UInt8>) throws(Failure) -> String {
        self.position += 1
        let start = self.position
        while self.position < bytes.count {
            switch bytes[self.position] {
            case UInt8(ascii: "\""):
                let text = try self.text(start..<self.position, in: bytes)
                self.position += 1
                return text
            case UInt8(ascii: "\\"):
                return try self.escapedString(from: start, in: bytes)
            case 0..<0x20:
                throw self.failure("a control character must be escaped")
            default:
                self.position += 1
            }
        }
        throw self.failure("the text ends within a string")
    }

    /// What stands in the text as it is.
    func text(_ range: Range<Int>, in bytes: Span<UInt8>) throws(Failure) -> String {
        do {
            return String(copying: try UTF8Span(validating: bytes.extracting(range)))
        } catch {
            throw Failure(problem: "not UTF-8", offset: range.lowerBound + error.byteOffsets.lowerBound)
        }
    }

    /// Passes the rest of a string from its first backslash on.
    private mutating func escapedString(from start: Int, in bytes: Span<UInt8>) throws(Failure) -> String {
        var text: [UInt8] = []
        for place in start..<self.position { text.append(bytes[place]) }
        while self.position < bytes.count {
            let byte = bytes[self.position]
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw Failure(problem: "not UTF-8", offset: start)
                }
                self.position += 1
                return string
            case UInt8(ascii: "\\"):
                try self.escape(into: &text, in: bytes)
            case 0..<0x20:
                throw self.failure("a control character must be escaped")
            default:
                text.append(byte)
                self.position += 1
            }
        }
        throw self.failure("the text ends within a string")
    }

    /// Passes a backslash and what belongs to it.
    private mutating func escape(into text: inout [UInt8], in bytes: Span<UInt8>) throws(Failure) {
        guard self.position + 1 < bytes.count else { throw self.failure("the text ends within a string") }
        let character: UInt8
        switch bytes[self.position + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): character = bytes[self.position + 1]
        case UInt8(ascii: "b"): character = 0x08
        case UInt8(ascii: "f"): character = 0x0C
        case UInt8(ascii: "n"): character = 0x0A
        case UInt8(ascii: "r"): character = 0x0D
        case UInt8(ascii: "t"): character = 0x09
        case UInt8(ascii: "u"):
            UTF8.encode(try self.escapedScalar(in: bytes), into: { text.append($0) })
            return
        default: throw self.failure("there is no such escape")
        }
        text.append(character)
        self.position += 2
    }

    /// Passes `\uXXXX`, or the two of a surrogate pair.
    private mutating func escapedScalar(in bytes: Span<UInt8>) throws(Failure) -> Unicode.Scalar {
        let start = self.position
        let first = try self.escapedUnit(in: bytes)
        if let scalar = Unicode.Scalar(first) { return scalar }
        if UTF16.isLeadSurrogate(first), self.position + 1 < bytes.count, bytes[self.position] == UInt8(ascii: "\\"),
            bytes[self.position + 1] == UInt8(ascii: "u")
        {
            let second = try self.escapedUnit(in: bytes)
            // RFC 2781 section 2.2.
            let pair = 0x10000 + (UInt32(first) & 0x3FF) << 10 + UInt32(second & 0x3FF)
            if UTF16.isTrailSurrogate(second), let scalar = Unicode.Scalar(pair) { return scalar }
        }
        throw Failure(problem: "half of a surrogate pair", offset: start)
    }

    private mutating func escapedUnit(in bytes: Span<UInt8>) throws(Failure) -> UInt16 {
        guard self.position + 6 <= bytes.count else { throw self.failure("four hexadecimal digits are expected") }
        var unit: UInt16 = 0
        for place in self.position + 2..<self.position + 6 {
            let digit: UInt8
            switch bytes[place] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = bytes[place] - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = bytes[place] - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = bytes[place] - UInt8(ascii: "A") + 10
            default: throw self.failure("four hexadecimal digits are expected")
            }
            unit = unit << 4 | UInt16(digit)
        }
        self.position += 6
        return unit
    }
}
