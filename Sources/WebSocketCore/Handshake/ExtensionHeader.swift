/// One element of a `Sec-WebSocket-Extensions` header (RFC 6455 section 9.1).
package struct ExtensionHeader: Hashable, Sendable {
    /// A parameter of an extension.
    package struct Parameter: Hashable, Sendable {
        package var name: String
        /// Without the quotes, if it had any; nil if there is no value.
        package var value: String?

        package init(name: String, value: String? = nil) {
            self.name = name
            self.value = value
        }
    }

    package var name: String
    package var parameters: [Parameter]

    package init(name: String, parameters: [Parameter] = []) {
        self.name = name
        self.parameters = parameters
    }
}

extension ExtensionHeader: CustomStringConvertible {
    /// As it stands in the header.
    package var description: String {
        self.parameters.reduce(into: self.name) { text, parameter in
            text += "; " + parameter.name
            if let value = parameter.value { text += "=" + value }
        }
    }
}

extension ExtensionHeader {
    /// Reads the extensions of all lines of the header, in order (RFC 9110 section 5.3: several lines are one list).
    ///
    /// Empty list elements are skipped and white space is taken around every separator, as RFC 6455's grammar implies
    /// (RFC 2616 section 2.1).
    ///
    /// - Throws: what is wrong, in words, and where.
    package static func parse(_ lines: [String]) throws(SyntaxError) -> [ExtensionHeader] {
        var extensions: [ExtensionHeader] = []
        for line in lines {
            var scanner = Scanner(line)
            try scanner.scanList(into: &extensions)
        }
        return extensions
    }

    /// Why a header could not be read.
    package struct SyntaxError: Error, Hashable, CustomStringConvertible {
        package var description: String
    }

    private struct Scanner {
        private let bytes: [UInt8]
        private var position = 0

        init(_ line: String) {
            self.bytes = Array(line.utf8)
        }

        mutating func scanList(into extensions: inout [ExtensionHeader]) throws(SyntaxError) {
            while true {
                while self.skip(",") {}
                guard self.next != nil else { return }
                extensions.append(try self.scanExtension())
                guard self.next == nil || self.next == UInt8(ascii: ",") else { throw self.unexpected("',' or ';'") }
            }
        }

        private mutating func scanExtension() throws(SyntaxError) -> ExtensionHeader {
            var scanned = ExtensionHeader(name: try self.scanToken("an extension's name"))
            while self.skip(";") {
                var parameter = Parameter(name: try self.scanToken("a parameter's name"))
                if self.skip("=") { parameter.value = try self.scanValue() }
                scanned.parameters.append(parameter)
            }
            return scanned
        }

        private mutating func scanValue() throws(SyntaxError) -> String {
            guard self.next == UInt8(ascii: "\"") else { return try self.scanToken("a parameter's value") }
            self.position += 1
            var value: [UInt8] = []
            while self.position < self.bytes.count {
                var byte = self.bytes[self.position]
                self.position += 1
                if byte == UInt8(ascii: "\"") {
                    // RFC 6455 section 9.1: "the value after quoted-string unescaping MUST conform to the 'token' ABNF".
                    guard !value.isEmpty else { throw SyntaxError(description: "a quoted value is empty") }
                    return String(decoding: value, as: UTF8.self)
                }
                if byte == UInt8(ascii: "\\"), self.position < self.bytes.count {
                    byte = self.bytes[self.position]
                    self.position += 1
                }
                guard HTTPGrammar.isTokenCharacter(byte) else {
                    throw SyntaxError(description: "a quoted value has \(HTTPGrammar.name(of: byte)) in it")
                }
                value.append(byte)
            }
            throw SyntaxError(description: "a quoted value has no end")
        }

        private mutating func scanToken(_ what: String) throws(SyntaxError) -> String {
            self.skipWhiteSpace()
            let start = self.position
            while self.position < self.bytes.count, HTTPGrammar.isTokenCharacter(self.bytes[self.position]) {
                self.position += 1
            }
            guard self.position > start else { throw self.unexpected(what) }
            return String(decoding: self.bytes[start..<self.position], as: UTF8.self)
        }

        private mutating func skip(_ separator: UnicodeScalar) -> Bool {
            guard self.next == UInt8(ascii: separator) else { return false }
            self.position += 1
            return true
        }

        /// The next byte behind white space.
        private var next: UInt8? {
            mutating get {
                self.skipWhiteSpace()
                return self.position < self.bytes.count ? self.bytes[self.position] : nil
            }
        }

        private mutating func skipWhiteSpace() {
            while self.position < self.bytes.count, HTTPGrammar.isWhiteSpace(self.bytes[self.position]) {
                self.position += 1
            }
        }

        private func unexpected(_ wanted: String) -> SyntaxError {
            guard self.position < self.bytes.count else {
                return SyntaxError(description: "it ends where \(wanted) should be")
            }
            let found = HTTPGrammar.name(of: self.bytes[self.position])
            return SyntaxError(description: "it has \(found) at byte \(self.position) where \(wanted) should be")
        }
    }
}
