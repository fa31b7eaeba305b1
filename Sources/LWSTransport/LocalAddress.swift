internal import Glibc
internal import WebSocketCore

/// The address to connect from, out of ``NetworkConfiguration/interface``.
///
/// lws binds a socket to the name of an interface as well, but for IPv4 targets that fails when IPv6 is compiled in
/// (EAFNOSUPPORT): it takes whatever address comes first for an IPv6 one. So it is given an address of the right family.
struct LocalAddress: Equatable {
    var ipv4: String?
    var ipv6: String?

    /// - Throws: `invalid_configuration`, if there is no such interface, or it has no address.
    init(of interface: String) throws(WebSocketError) {
        var storage = in6_addr()
        if inet_pton(AF_INET, interface, &storage) == 1 {
            self.ipv4 = interface
        } else if inet_pton(AF_INET6, interface, &storage) == 1 {
            self.ipv6 = interface
        } else {
            self.takeAddresses(ofInterface: interface)
        }
        guard self.ipv4 != nil || self.ipv6 != nil else {
            let isKnown = if_nametoindex(interface) != 0
            throw WebSocketError(
                .invalidConfiguration,
                "network.interface is \"\(interface)\", "
                    + (isKnown ? "an interface without an IP address" : "neither an IP address nor an interface")
            )
        }
    }

    /// The one to reach an address from; nil where the families differ.
    func matching(_ address: String) -> String? { address.contains(":") ? self.ipv6 : self.ipv4 }

    private mutating func takeAddresses(ofInterface name: String) {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return }
        defer { freeifaddrs(list) }
        var entry = list
        while let current = entry?.pointee {
            entry = current.ifa_next
            guard String(cString: current.ifa_name) == name, let address = current.ifa_addr else { continue }
            switch Int32(address.pointee.sa_family) {
            case AF_INET where self.ipv4 == nil:
                self.ipv4 = Self.text(address, socklen_t(MemoryLayout<sockaddr_in>.size))
            case AF_INET6 where self.ipv6 == nil:
                let text = Self.text(address, socklen_t(MemoryLayout<sockaddr_in6>.size))
                // A link-local one has a zone, and reaches link-local ones only.
                if let text, !text.contains("%") { self.ipv6 = text }
            default:
                break
            }
        }
    }

    private static func text(_ address: UnsafePointer<sockaddr>, _ size: socklen_t) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
            guard let base = buffer.baseAddress,
                getnameinfo(address, size, base, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST) == 0
            else { return nil }
            return String(cString: base)
        }
    }
}
