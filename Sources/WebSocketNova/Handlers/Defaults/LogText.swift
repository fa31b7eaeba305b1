internal import WebSocketCore

/// Makes texts that a peer or a user chose fit for logs.
///
/// A close reason or the body of a refusal is whatever the peer likes: with line breaks in it, it would forge lines of the
/// log; with terminal sequences or signs that turn the direction of writing, deceive who reads it; with length, fill it.
enum LogText {
    /// The text on one line, of at most `limit` bytes of UTF-8 and a note of what was left out.
    ///
    /// Control and format characters, and the separators of lines and paragraphs, are written as `\u{...}`.
    static func escaped(_ text: String, limit: Int = 256) -> String {
        var shown = ""
        var size = 0
        for scalar in text.unicodeScalars {
            let piece = Self.escape(scalar) ?? String(scalar)
            size += piece.utf8.count
            guard size <= limit else { return shown + "... (\(text.utf8.count) bytes)" }
            shown += piece
        }
        return shown
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String? {
        // Most texts are printable ASCII, which need not be looked up.
        if (0x20...0x7e).contains(scalar.value) { return nil }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator:
            return "\\u{\(String(scalar.value, radix: 16))}"
        default:
            return nil
        }
    }

    /// The names of header fields, without their values.
    static func names(of fields: HTTPFields) -> String {
        Self.escaped(fields.map(\.name).joined(separator: ", "), limit: 1024)
    }

    /// The message of an error, on one line, and without what may be secret in the URLs in it.
    ///
    /// The library's own messages have no secrets; handlers of users throw errors too.
    static func message(of error: WebSocketError) -> String {
        Self.escaped(Self.withoutURLSecrets(error.message), limit: 512)
    }

    /// The text with user and password, query and fragment of each URL or absolute path left out.
    static func withoutURLSecrets(_ text: String) -> String {
        guard text.utf8.contains(where: { "?#@".utf8.contains($0) }) else { return text }
        var shown = ""
        var rest = text[...]
        while !rest.isEmpty {
            let end = rest.unicodeScalars.firstIndex(where: Self.endsURL) ?? rest.endIndex
            shown += Self.withoutSecrets(rest[..<end])
            rest = rest[end...]
            guard let separator = rest.unicodeScalars.popFirst() else { break }
            shown.unicodeScalars.append(separator)
        }
        return shown
    }

    private static func endsURL(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || scalar == "\"" || scalar == "<" || scalar == ">"
    }

    private static func withoutSecrets(_ word: Substring) -> String {
        let bytes = word.utf8
        let isSecret = { (byte: UInt8) in byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#") }
        let colon = bytes.indices.first { bytes[$0...].starts(with: "://".utf8) }
        guard colon != nil || bytes.first == UInt8(ascii: "/") else { return String(word) }
        var start = ""
        var rest = word
        if let colon, let at = bytes.lastIndex(of: UInt8(ascii: "@")), colon < at {
            // Up to the last sign: a password may have one in it, and so may a query, which then goes with it.
            start = word[..<colon] + "://***@"
            if bytes[..<at].contains(where: isSecret) { return start + "..." }
            rest = word[bytes.index(after: at)...]
        }
        guard let end = rest.utf8.firstIndex(where: isSecret) else { return start + rest }
        return start + rest[..<end] + "?..."
    }
}
