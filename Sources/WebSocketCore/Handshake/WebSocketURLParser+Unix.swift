// URLs of Unix sockets: `ws+unix:/path/to.sock:/target?query` and `wss+unix:`, in the form that the Node package ws has made
// known; there is no standard. The path of the socket ends at the first colon or question mark, and may also stand behind
// `//`. An abstract socket (unix(7)) is written `@name`.
extension WebSocketURLParser {
    /// The most bytes that a path may have: sun_path holds 108, the last of which libwebsockets makes a NUL.
    private static let maximumPathLength = 107

    static func isUnix(scheme: String) -> Bool {
        HTTPGrammar.isSame(scheme, "ws+unix") || HTTPGrammar.isSame(scheme, "wss+unix")
    }

    /// - Parameter rest: what stands behind the scheme's colon.
    func unixParts(_ rest: Substring.UTF8View, isSecure: Bool) throws(ParseError) -> Parts {
        var rest = rest
        if rest.starts(with: "//".utf8) {
            rest = rest.dropFirst(2)
            guard let first = rest.first, "/@".utf8.contains(first) else {
                throw ParseError("it has a host, where a Unix socket's path must begin with '/'")
            }
        }
        let written = rest.prefix { !":?#".utf8.contains($0) }
        let path = try self.unixPath(written)
        var target = rest[written.endIndex...]
        if target.first == UInt8(ascii: ":") {
            target = target.dropFirst()
            guard target.isEmpty || "/?#".utf8.contains(target[target.startIndex]) else {
                throw ParseError("behind its socket's path and ':' there is no '/'; write a plain ':' in a path as %3A")
            }
        }
        return Parts(
            isSecure: isSecure,
            credentials: nil,
            host: "localhost",
            port: nil,
            target: try self.target(target),
            unixPath: path
        )
    }

    private func unixPath(_ written: Substring.UTF8View) throws(ParseError) -> String {
        for position in written.indices where !(0x21...0x7e).contains(written[position]) {
            let place = self.offset(position)
            let name = HTTPGrammar.name(of: written[position])
            throw ParseError("its socket's path has \(name) at byte \(place), which must be percent-encoded")
        }
        guard let path = Self.percentDecoded(written) else {
            throw ParseError("its socket's path has a '%' that two hexadecimal digits do not follow, or is not UTF-8")
        }
        guard let first = path.utf8.first, "/@".utf8.contains(first), path.utf8.count > 1 else {
            throw ParseError("its socket's path must begin with '/', or with '@' for an abstract socket")
        }
        guard !path.utf8.contains(0) else { throw ParseError("its socket's path has a NUL") }
        guard path.utf8.count <= Self.maximumPathLength else {
            throw ParseError("its socket's path has \(path.utf8.count) bytes, more than \(Self.maximumPathLength)")
        }
        return path
    }
}

extension WebSocketURL {
    /// The path of a Unix socket as a URL has it.
    static func percentEncoded(unixPath: String) -> String {
        var text = ""
        for byte in unixPath.utf8 {
            if (0x21...0x7e).contains(byte), !":?#%".utf8.contains(byte) {
                text.unicodeScalars.append(UnicodeScalar(byte))
            } else {
                text += "%" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return text
    }
}
