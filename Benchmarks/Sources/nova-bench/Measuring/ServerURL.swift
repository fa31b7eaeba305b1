/// The parts of a `ws:` or `wss:` URL that the contestants need, without the weight of Foundation in a measured process.
struct ServerURL: Sendable {
    var isSecure: Bool
    var host: String
    var port: UInt16
    /// Path and query; nil when the URL has none.
    var resource: String?

    var origin: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "\(self.isSecure ? "wss" : "ws")://\(host):\(self.port)"
    }

    init(_ text: String) throws {
        let rest: Substring
        if text.hasPrefix("ws://") {
            self.isSecure = false
            rest = text.dropFirst(5)
        } else if text.hasPrefix("wss://") {
            self.isSecure = true
            rest = text.dropFirst(6)
        } else {
            throw BenchmarkError("'\(text)' is not a ws: or wss: URL")
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let resource = rest.dropFirst(authority.count)
        self.resource = resource.isEmpty || resource == "/" ? nil : (resource.first == "?" ? "/" : "") + resource

        let (host, port) = try Self.split(authority, of: text)
        self.host = host
        guard let port = port.isEmpty ? (self.isSecure ? 443 : 80) : UInt16(port), !host.isEmpty else {
            throw BenchmarkError("'\(text)' names no host and port")
        }
        self.port = port
    }

    private static func split(_ authority: Substring, of text: String) throws -> (host: String, port: Substring) {
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { throw BenchmarkError("'\(text)' has an open bracket") }
            let host = authority[authority.startIndex..<end].dropFirst()
            return (String(host), authority[end...].dropFirst(authority[end...].hasPrefix("]:") ? 2 : 1))
        }
        let host = authority.prefix { $0 != ":" }
        return (String(host), authority.dropFirst(host.count + 1))
    }
}
