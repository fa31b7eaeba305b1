internal import Glibc
internal import Synchronization
internal import WebSocketCore

/// Turns host names into addresses on threads of its own: `getaddrinfo` blocks, and on the loop it would stall every
/// connection there (lws calls it on the loop, client-handshake.c:52, which is why lws is only given numeric addresses).
enum Resolver {
    /// The addresses of a host in the order of preference, numeric.
    typealias Outcome = Result<[String], WebSocketError>

    /// At most this many look-ups at a time; further ones wait. A resolver that does not answer would otherwise
    /// cost one thread for each connection attempt.
    private static let maximumThreads = 16

    private struct Lookup: Sendable {
        var host: String
        var completion: @Sendable (Outcome) -> Void
    }

    private struct State {
        var waiting: [Lookup] = []
        var threads = 0
    }

    private static let state = Mutex(State())

    /// The host itself where it is an IP address, which needs no look-up.
    static func numericAddress(_ host: String) -> String? {
        var storage = in6_addr()
        if inet_pton(AF_INET, host, &storage) == 1 || inet_pton(AF_INET6, host, &storage) == 1 { return host }
        return nil
    }

    /// Looks a name up. The completion is called once, on another thread.
    static func resolve(_ host: String, completion: @escaping @Sendable (Outcome) -> Void) {
        let needsThread = Self.state.withLock { state in
            state.waiting.append(Lookup(host: host, completion: completion))
            guard state.threads < Self.maximumThreads else { return false }
            state.threads += 1
            return true
        }
        guard needsThread else { return }
        let status = spawnThread(named: "nova-resolve") { Self.work() }
        if status != 0 { Self.failWaiting("no thread to resolve on: \(describe(errno: status))") }
    }

    private static func work() {
        while let lookup = Self.next() { lookup.completion(Self.lookUp(lookup.host)) }
    }

    private static func next() -> Lookup? {
        Self.state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.threads -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }

    private static func failWaiting(_ reason: String) {
        let orphans = Self.state.withLock { state -> [Lookup] in
            state.threads -= 1
            // The threads that do run will take the rest.
            guard state.threads == 0 else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for lookup in orphans { lookup.completion(.failure(WebSocketError(.resourceExhausted, reason))) }
    }

    private static func lookUp(_ host: String) -> Outcome {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = Int32(AI_ADDRCONFIG)
        var list: UnsafeMutablePointer<addrinfo>?
        var status = getaddrinfo(host, nil, &hints, &list)
        if status != 0 {
            // Without any address but loopback, AI_ADDRCONFIG hides "localhost" as well.
            hints.ai_flags = 0
            status = getaddrinfo(host, nil, &hints, &list)
        }
        guard status == 0 else {
            let words = String(cString: gai_strerror(status))
            return .failure(WebSocketError(.resolveFailed, "host \"\(host)\": \(words)"))
        }
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
