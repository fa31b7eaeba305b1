internal import CLibwebsockets
internal import Glibc
internal import WebSocketCore

/// The vhosts of one lws context: one for connections in the clear, one for each TLS context in use.
///
/// In lws, TLS settings of a client belong to its vhost. A vhost is freed when no connection uses it; a few are kept for
/// connections to come.
final class VhostCache {
    private struct Entry {
        var vhost: Vhost
        /// lws only has a pointer to its OpenSSL context.
        var tls: TLSContext
        var useCount = 0
        var lastUse: UInt64 = 0
    }

    /// How many are kept without a connection that uses them.
    private static let maximumUnused = 8

    /// For connections in the clear, and for the loop's timer.
    var plain: OpaquePointer { self.plainVhost.pointer }

    private let plainVhost: Vhost
    private let context: OpaquePointer
    private var entries: [ObjectIdentifier: Entry] = [:]
    private var unusedCount = 0
    private var uses: UInt64 = 0

    init?(context: OpaquePointer) {
        guard let plain = Vhost(context, name: "nova-plain", tls: nil) else { return nil }
        self.plainVhost = plain
        self.context = context
    }

    /// How many there are for TLS.
    var count: Int { self.entries.count }

    /// The vhost of a TLS context, made if need be, or the one without TLS. Give it back when the connection is gone.
    func take(for tls: TLSContext?) throws(WebSocketError) -> OpaquePointer {
        guard let tls else { return self.plain }
        let key = ObjectIdentifier(tls)
        self.uses += 1
        if var entry = self.entries[key] {
            if entry.useCount == 0 { self.unusedCount -= 1 }
            entry.useCount += 1
            entry.lastUse = self.uses
            self.entries[key] = entry
            return entry.vhost.pointer
        }
        guard let vhost = Vhost(self.context, name: "nova-tls-\(self.uses)", tls: tls) else {
            throw WebSocketError(.resourceExhausted, "libwebsockets could not set up TLS")
        }
        self.entries[key] = Entry(vhost: vhost, tls: tls, useCount: 1, lastUse: self.uses)
        return vhost.pointer
    }

    /// Takes note that a connection is gone. In a callback of lws it is not gone altogether: ``trim()`` comes later.
    func giveBack(_ tls: TLSContext) {
        let key = ObjectIdentifier(tls)
        guard var entry = self.entries[key], entry.useCount > 0 else { return }
        entry.useCount -= 1
        self.entries[key] = entry
        if entry.useCount == 0 { self.unusedCount += 1 }
    }

    /// Frees vhosts that are not used, beyond those that are kept. Not within a callback of lws: while lws has a connection on
    /// a vhost, its destruction is put off, in 4.1.6 for ever (vhost.c:1011).
    func trim() {
        guard self.unusedCount > Self.maximumUnused else { return }
        let unused = self.entries.filter { $0.value.useCount == 0 }.sorted { $0.value.lastUse < $1.value.lastUse }
        for (key, entry) in unused.prefix(self.unusedCount - Self.maximumUnused) {
            entry.vhost.destroy()
            self.entries.removeValue(forKey: key)
            self.unusedCount -= 1
        }
    }

    /// Frees what lws does not: call it when the context is gone.
    func contextWasDestroyed() {
        for entry in self.entries.values { entry.vhost.contextWasDestroyed() }
        self.plainVhost.contextWasDestroyed()
        self.entries.removeAll()
    }
}

/// One vhost with its name, of which lws only keeps a pointer.
private struct Vhost {
    let pointer: OpaquePointer
    private let name: UnsafeMutablePointer<CChar>

    init?(_ context: OpaquePointer, name: String, tls: TLSContext?) {
        guard let name = strdup(name) else { return nil }
        var info = lws_context_creation_info()
        info.port = CONTEXT_PORT_NO_LISTEN
        info.protocols = LWSCallbacks.protocols
        info.timeout_secs = 3600
        info.vhost_name = UnsafePointer(name)
        if let tls {
            info.options = UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT)
            info.provided_client_ssl_ctx = tls.pointer
        }
        // Not null, with which lws takes a proxy from the environment, unasked (vhost.c:775); and not empty, which it calls an
        // error (client.c:101). With port 0 there is none.
        let pointer = ":0".withCString { noProxy in
            info.http_proxy_address = noProxy
            return lws_create_vhost(context, &info)
        }
        guard let pointer else {
            free(name)
            return nil
        }
        self.pointer = pointer
        self.name = name
    }

    /// Without a connection on it, it is gone when the call returns.
    func destroy() {
        lws_vhost_destroy(self.pointer)
        free(self.name)
    }

    func contextWasDestroyed() { free(self.name) }
}
