internal import Glibc
internal import WebSocketCore

/// The blocking look-up of the system.
enum AddressLookup {
    /// The addresses of a name by `getaddrinfo`, in its order, which is RFC 6724's.
    static func system(_ host: String, _ family: NetworkConfiguration.AddressFamily) -> Resolver.Outcome {
        var hints = addrinfo()
        hints.ai_family = Self.family(family)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = Int32(AI_ADDRCONFIG)
        var list: UnsafeMutablePointer<addrinfo>?
        var status = getaddrinfo(host, nil, &hints, &list)
        if status == EAI_NONAME || status == Self.noData || status == Self.noAddressFamily {
            // Without any address but loopback, AI_ADDRCONFIG hides "localhost" as well.
            hints.ai_flags = 0
            status = getaddrinfo(host, nil, &hints, &list)
        }
        let code = errno
        guard status == 0 else { return .failure(Self.error(host, status, code)) }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var entry = list
        while let current = entry {
            if let address = Self.text(of: current.pointee), !addresses.contains(address) { addresses.append(address) }
            entry = current.pointee.ai_next
        }
        guard !addresses.isEmpty else {
            return .failure(WebSocketError(.resolveFailed, "host \"\(host)\" has no address"))
        }
        return .success(addresses)
    }

    // GNU's own, which Glibc's module leaves out (netdb.h).
    private static let noData: Int32 = -5
    private static let noAddressFamily: Int32 = -9

    private static func family(_ family: NetworkConfiguration.AddressFamily) -> Int32 {
        switch family.storage {
        case .any: AF_UNSPEC
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        }
    }

    private static func error(_ host: String, _ status: Int32, _ code: Int32) -> WebSocketError {
        if status == EAI_MEMORY { return WebSocketError(.resourceExhausted, "no memory to look up host \"\(host)\"") }
        let words = status == EAI_SYSTEM ? describe(errno: code) : String(cString: gai_strerror(status))
        return WebSocketError(.resolveFailed, "host \"\(host)\": \(words)")
    }

    private static func text(of info: addrinfo) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
            guard
                let base = buffer.baseAddress,
                getnameinfo(info.ai_addr, info.ai_addrlen, base, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST) == 0
            else { return nil }
            return String(cString: base)
        }
    }
}
