import Glibc

/// Standard output and standard error, without buffers of their own: what is written is there.
enum Console {
    /// Whether standard input is a terminal: somebody types.
    static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 }

    /// Writes a line to standard output.
    ///
    /// - Throws: ``ToolFailure`` if nobody takes it.
    static func print(_ line: String) throws {
        try Self.write(Array((line + "\n").utf8))
    }

    /// Writes bytes to standard output.
    ///
    /// - Throws: ``ToolFailure`` if nobody takes them.
    static func write(_ bytes: [UInt8]) throws {
        guard Self.write(bytes, to: STDOUT_FILENO) else {
            throw ToolFailure("standard output: \(String(cString: strerror(errno)))")
        }
    }

    /// Writes a line to standard error; if nobody takes it, nobody can be told.
    static func note(_ line: String) {
        _ = Self.write(Array((line + "\n").utf8), to: STDERR_FILENO)
    }

    /// ``note(_:)`` with the tool's name in front.
    static func complain(_ message: String) {
        Self.note("nova: \(message)")
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            // The pointer is only used during the call.
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    /// Bytes of a peer as text that cannot play tricks on a terminal: control characters other than tab and line feed become
    /// dots, as does what is not UTF-8.
    static func printable(_ bytes: [UInt8]) -> String {
        Self.printable(String(decoding: bytes, as: UTF8.self))
    }

    /// See ``printable(_:)-([UInt8])``.
    static func printable(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control && scalar != "\t" && scalar != "\n"
            result.append(isControl || scalar == "\u{FFFD}" ? "." : scalar)
        }
        return String(result)
    }
}

func ignoreBrokenPipes() {
    signal(SIGPIPE, SIG_IGN)
}
