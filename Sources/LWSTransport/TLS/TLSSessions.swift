internal import COpenSSL
internal import Glibc
internal import Synchronization
internal import WebSocketCore

/// Sessions of one TLS context that later connections can resume, by server.
final class TLSSessions: Sendable {
    /// A session is only good for the server that it was verified for.
    struct Server: Hashable, Sendable {
        var endpoint: Endpoint
        var name: TLSServerName
    }

    private struct Entry: Sendable {
        var sessions: [TLSSession]
        var lastUse: UInt64
    }

    private struct State: Sendable {
        var entries: [Server: Entry] = [:]
        var uses: UInt64 = 0
        var count = 0
    }

    /// Servers send two for each connection (OpenSSL's default); many connections to one server come back at once.
    private static let maximumPerServer = 32
    /// Each holds the server's certificates.
    private static let maximumCount = 512

    private let state = Mutex(State())

    /// How many there are. For tests.
    var count: Int { self.state.withLock { $0.count } }

    /// Has OpenSSL hand over sessions; those of TLS 1.3 come after the handshake.
    static func install(in context: OpaquePointer) {
        let mode = SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL
        _ = nova_SSL_CTX_set_session_cache_mode(context, Int(mode))
        SSL_CTX_sess_set_new_cb(context) { ssl, session in
            if let ssl, let session { TLSHandshake.of(ssl)?.received(session) }
            // The reference stays OpenSSL's: what is kept is a copy.
            return 0
        }
    }

    /// Keeps a copy of a session: OpenSSL marks the original as not resumable if its connection ends without a close_notify,
    /// which is what a lost connection does.
    func keep(_ session: OpaquePointer, of server: Server) {
        guard SSL_SESSION_is_resumable(session) == 1, let kept = TLSSession(copying: session) else { return }
        self.state.withLock { state in
            state.uses += 1
            var entry = state.entries.removeValue(forKey: server) ?? Entry(sessions: [], lastUse: 0)
            state.count -= entry.sessions.count
            entry.lastUse = state.uses
            // Before TLS 1.3 the newest serves all.
            if !kept.isSingleUse { entry.sessions = [] }
            if entry.sessions.count == Self.maximumPerServer { entry.sessions.removeFirst() }
            entry.sessions.append(kept)
            state.count += entry.sessions.count
            state.entries[server] = entry
            while state.count > Self.maximumCount,
                let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse })
            {
                state.entries.removeValue(forKey: oldest.key)
                state.count -= oldest.value.sessions.count
            }
        }
    }

    /// A session for a new connection; one of TLS 1.3 is not given twice, so that nobody can tell by it that two
    /// connections have one client (RFC 8446 section C.4).
    func take(for server: Server) -> TLSSession? {
        self.state.withLock { state in
            guard var entry = state.entries.removeValue(forKey: server) else { return nil }
            state.count -= entry.sessions.count
            entry.sessions.removeAll { !$0.isFresh }
            let session = entry.sessions.last
            if let session, session.isSingleUse { entry.sessions.removeLast() }
            guard !entry.sessions.isEmpty else { return session }
            state.uses += 1
            entry.lastUse = state.uses
            state.count += entry.sessions.count
            state.entries[server] = entry
            // What is kept for others is not given away: the connection may end badly as well.
            return session.flatMap { $0.isSingleUse ? $0 : $0.copy() }
        }
    }
}

/// One session.
///
/// `@unchecked Sendable` because it is not changed after it was made, and OpenSSL counts references atomically.
final class TLSSession: @unchecked Sendable {
    let pointer: OpaquePointer

    fileprivate init?(copying session: OpaquePointer) {
        guard let copy = SSL_SESSION_dup(session) else { return nil }
        self.pointer = copy
    }

    deinit { SSL_SESSION_free(self.pointer) }

    fileprivate func copy() -> TLSSession? { TLSSession(copying: self.pointer) }

    fileprivate var isSingleUse: Bool { SSL_SESSION_get_protocol_version(self.pointer) >= TLS1_3_VERSION }

    /// Whether neither the session nor the certificate that it was made with has expired.
    fileprivate var isFresh: Bool {
        let age = time(nil) - SSL_SESSION_get_time(self.pointer)
        guard age >= 0, age < SSL_SESSION_get_timeout(self.pointer) else { return false }
        return Certificate(retaining: SSL_SESSION_get0_peer(self.pointer)).map { !$0.isExpired } ?? false
    }
}
