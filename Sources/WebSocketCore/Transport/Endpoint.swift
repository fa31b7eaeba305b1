/// Where a transport connects to: a host and a port, or a Unix socket.
package struct Endpoint: Sendable, Hashable {
    /// A DNS name or an IP address; an IPv6 address stands without brackets and zone. With a Unix socket it is the name that
    /// the server goes by, which TLS verifies.
    package var host: String
    package var port: UInt16
    /// The interface of a link-local IPv6 address (RFC 4007 section 11).
    package var zone: String?
    /// A Unix socket to connect to instead: a path that begins with a slash, or `@` and a name in the abstract namespace
    /// (unix(7)).
    package var unixPath: String?

    package init(host: String, port: UInt16, zone: String? = nil, unixPath: String? = nil) {
        self.host = host
        self.port = port
        self.zone = zone
        self.unixPath = unixPath
    }

    /// The name for TLS: without the root's dot, which neither SNI (RFC 6066 section 3) nor certificates have.
    package var tlsName: String {
        let name = self.host.utf8
        return name.last == UInt8(ascii: ".") && name.count > 1 ? String(self.host.dropLast()) : self.host
    }
}

extension Endpoint: CustomStringConvertible {
    package var description: String {
        if let unixPath { return "the Unix socket \"\(HTTPGrammar.printable(unixPath, limit: 128))\"" }
        guard self.host.utf8.contains(UInt8(ascii: ":")) else { return "\(self.host):\(self.port)" }
        let zone = self.zone.map { "%\($0)" } ?? ""
        return "[\(self.host)\(zone)]:\(self.port)"
    }
}
