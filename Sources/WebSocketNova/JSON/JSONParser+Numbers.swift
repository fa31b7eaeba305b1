// RFC 8259 section 6.
extension JSONParser {
    /// The digits of a number as they are read.
    private struct Digits {
        var value: UInt64 = 0
        /// Whether ``value`` has them all.
        var fits = true

        mutating func append(_ digit: UInt8) {
            let (tens, overflows) = self.value.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = tens.addingReportingOverflow(UInt64(digit))
            if overflows || overflowsToo { self.fits = false } else { self.value = sum }
        }
    }

    /// Passes a number.
    mutating func number(in bytes: Span<UInt8>) throws(Failure) -> JSONValue {
        let start = self.position
        let isNegative = self.skip(UInt8(ascii: "-"), in: bytes)
        var digits = Digits()
        let isZero = self.position < bytes.count && bytes[self.position] == UInt8(ascii: "0")
        let count = try self.digits(into: &digits, in: bytes)
        if isZero, count > 1 {
            throw Failure(problem: "a number does not begin with a zero", offset: self.position - count)
        }
        var exponent = 0
        var isInteger = true
        if self.skip(UInt8(ascii: "."), in: bytes) {
            isInteger = false
            exponent = -(try self.digits(into: &digits, in: bytes))
        }
        if self.skip(UInt8(ascii: "e"), in: bytes) || self.skip(UInt8(ascii: "E"), in: bytes) {
            isInteger = false
            exponent += try self.exponent(in: bytes)
        }
        if isInteger, let value = Self.integer(digits, isNegative: isNegative) { return .integer(value) }
        if let value = Self.exactly(digits, exponent: exponent) { return .number(isNegative ? -value : value) }
        guard let value = Double(try self.text(start..<self.position, in: bytes)), value.isFinite else {
            throw Failure(problem: "a number is out of range", offset: start)
        }
        return .number(value)
    }

    private mutating func skip(_ byte: UInt8, in bytes: Span<UInt8>) -> Bool {
        guard self.position < bytes.count, bytes[self.position] == byte else { return false }
        self.position += 1
        return true
    }

    /// Passes digits, of which there must be one.
    ///
    /// - Returns: how many there were.
    private mutating func digits(into digits: inout Digits, in bytes: Span<UInt8>) throws(Failure) -> Int {
        let start = self.position
        while self.position < bytes.count {
            let digit = bytes[self.position] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            digits.append(digit)
            self.position += 1
        }
        guard self.position > start else { throw self.failure("a digit is expected") }
        return self.position - start
    }

    /// Passes sign and digits.
    private mutating func exponent(in bytes: Span<UInt8>) throws(Failure) -> Int {
        let isNegative = self.skip(UInt8(ascii: "-"), in: bytes)
        if !isNegative { _ = self.skip(UInt8(ascii: "+"), in: bytes) }
        var digits = Digits()
        _ = try self.digits(into: &digits, in: bytes)
        // Far beyond what a number of any length may need; the text itself is then what is read.
        let value = digits.fits ? Int(min(digits.value, 1 << 32)) : 1 << 32
        return isNegative ? -value : value
    }

    private static func integer(_ digits: Digits, isNegative: Bool) -> Int64? {
        guard digits.fits else { return nil }
        guard isNegative else { return Int64(exactly: digits.value) }
        return digits.value <= Int64.min.magnitude ? Int64(truncatingIfNeeded: 0 &- digits.value) : nil
    }

    /// The number, if a double has its digits and the power of ten exactly: then one division or multiplication rounds
    /// right (W. D. Clinger, "How to read floating point numbers accurately", 1990).
    private static func exactly(_ digits: Digits, exponent: Int) -> Double? {
        guard digits.fits, digits.value <= 1 << 53, (-22...22).contains(exponent) else { return nil }
        let power = self.powersOfTen[abs(exponent)]
        return exponent < 0 ? Double(digits.value) / power : Double(digits.value) * power
    }

    private static let powersOfTen: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20,
        1e21, 1e22,
    ]
}
