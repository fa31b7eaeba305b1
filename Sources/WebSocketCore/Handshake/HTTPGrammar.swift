/// The character classes of HTTP header fields (RFC 9110 section 5.6), and how to show bytes that break them.
enum HTTPGrammar {
    /// tchar, RFC 9110 section 5.6.2.
    static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default:
            false
        }
    }

    /// A field value may hold visible characters, spaces, tabs, and bytes above ASCII (RFC 9110 section 5.5).
    static func isValueCharacter(_ byte: UInt8) -> Bool {
        byte == 0x09 || (byte >= 0x20 && byte != 0x7f)
    }

    static func isToken(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(Self.isTokenCharacter)
    }

    /// Optional white space: spaces and tabs.
    static func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09
    }

    /// Without the optional white space around it.
    static func trimmed(_ text: String) -> String {
        String(decoding: Self.trimmed(Array(text.utf8)[...]), as: UTF8.self)
    }

    /// Without the optional white space around it.
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let last = bytes.lastIndex(where: { !Self.isWhiteSpace($0) }) else { return [] }
        return bytes[...last].drop(while: Self.isWhiteSpace)
    }

    /// The elements of a comma-separated list over several lines, without empty ones (RFC 9110 section 5.6.1.2).
    static func listElements(_ lines: [String]) -> [String] {
        lines.flatMap { line in
            line.utf8.split(separator: UInt8(ascii: ",")).map { Self.trimmed(String(decoding: $0, as: UTF8.self)) }
        }
        .filter { !$0.isEmpty }
    }

    /// ASCII letters compare without regard to case, everything else byte by byte.
    static func isSame(_ left: String, _ right: String) -> Bool {
        HTTPFields.isSameName(left, right)
    }

    /// A peer's or user's text, fit for a message: cut at 64 bytes, in quotes, with everything but printable ASCII escaped.
    static func quoted(_ text: some StringProtocol) -> String {
        "\"" + Self.printable(text) + "\""
    }

    static func printable(_ text: some StringProtocol, limit: Int = 64) -> String {
        var shown = ""
        for byte in text.utf8.prefix(limit) {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): shown += "\\" + String(UnicodeScalar(byte))
            case 0x20...0x7e: shown.unicodeScalars.append(UnicodeScalar(byte))
            default: shown += "\\x" + Self.hexadecimal(byte)
            }
        }
        let count = text.utf8.count
        return count > limit ? shown + "... (\(count) bytes)" : shown
    }

    /// A byte as text, for messages that must not show the value around it.
    static func name(of byte: UInt8) -> String {
        switch byte {
        case 0x00: "NUL (0x00)"
        case 0x09: "TAB (0x09)"
        case 0x0a: "LF (0x0a)"
        case 0x0d: "CR (0x0d)"
        case 0x20: "a space (0x20)"
        case 0x21...0x7e: "'\(UnicodeScalar(byte))' (0x\(Self.hexadecimal(byte)))"
        default: "byte 0x\(Self.hexadecimal(byte))"
        }
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 0x10 ? "0" : "") + String(byte, radix: 16)
    }
}
