internal import Glibc

/// Whom a certificate has to name: a host by its DNS name, or by its address (RFC 9525 section 3).
package enum TLSServerName: Sendable, Hashable {
    /// A name without a dot at its end, which neither SNI (RFC 6066 section 3) nor certificates have.
    case dns(String)
    /// An IPv4 or IPv6 address in its usual notation, without a zone.
    case address(String)

    /// Nil if it is neither. What OpenSSL would read as a pattern is none either: to it, `.example.com` stands for every name
    /// below `example.com`.
    package init?(_ host: String) {
        let bytes = Array(host.utf8)
        guard !bytes.contains(0) else { return nil }
        if let address = Self.address(host) {
            self = .address(address)
            return
        }
        let name = bytes.last == UInt8(ascii: ".") ? bytes.dropLast() : bytes[...]
        guard (1...253).contains(name.count), name.allSatisfy(Self.isAllowed) else { return nil }
        let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.allSatisfy({ (1...63).contains($0.count) }) else { return nil }
        self = .dns(String(decoding: name, as: UTF8.self))
    }

    /// The name or the address.
    package var text: String {
        switch self {
        case .dns(let name): name
        case .address(let address): address
        }
    }

    private static func address(_ host: String) -> String? {
        // A zone names an interface of this machine (RFC 4007 section 11), of which no certificate knows.
        let address = host.contains(":") ? String(host.prefix { $0 != "%" }) : host
        var storage = in6_addr()
        let isAddress = inet_pton(AF_INET, address, &storage) == 1 || inet_pton(AF_INET6, address, &storage) == 1
        return isAddress ? address : nil
    }

    /// Letters, digits, hyphens, and underscores, which are no part of a host's name but occur in those of services.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

extension String {
    /// Fit to stand in a message: what cannot be printed is replaced, and what is long is cut.
    package var printable: String {
        let characters = self.unicodeScalars.prefix(256).map { scalar in
            scalar.properties.generalCategory == .control || scalar == "\"" ? "\u{FFFD}" : Character(scalar)
        }
        return String(characters) + (characters.count < self.unicodeScalars.count ? "…" : "")
    }
}
