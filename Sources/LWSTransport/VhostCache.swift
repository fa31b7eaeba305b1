internal import CLibwebsockets
internal import COpenSSL
internal import Logging
internal import WebSocketCore

/// The vhosts of one context: one for connections in the clear, one for each TLS configuration in use.
///
/// In lws the TLS settings of a client belong to its vhost, and one with its own trust store parses all of that
/// store, which blocks the loop: so vhosts are kept.
final class VhostCache {
    private struct Key: Hashable {
        var tls: TLSConfiguration
        /// An IPv6 address to verify, which lws itself does not; see ``TLSContext``.
        var verifiedAddress: String?
    }

    private struct Entry {
        var vhost: OpaquePointer
        var tls: TLSContext
    }

    /// For connections in the clear, and for the loop's timer.
    let plain: OpaquePointer
    private let context: OpaquePointer
    private let logger: Logger
    private var secured: [Key: Entry] = [:]

    init?(context: OpaquePointer, logger: Logger) {
        guard let plain = Self.makeVhost(context, name: "nova-plain", tls: nil) else { return nil }
        self.plain = plain
        self.context = context
        self.logger = logger
    }

    func vhost(for tls: TLSConfiguration?, host: String) throws(WebSocketError) -> OpaquePointer {
        guard let tls else { return self.plain }
        let key = Key(tls: tls, verifiedAddress: host.contains(":") ? host : nil)
        if let entry = self.secured[key] { return entry.vhost }
        let tlsContext = try TLSContext(tls, verifiedAddress: key.verifiedAddress)
        guard let vhost = Self.makeVhost(self.context, name: "nova-tls-\(self.secured.count)", tls: tlsContext) else {
            throw WebSocketError(.resourceExhausted, "libwebsockets could not set up TLS")
        }
        self.secured[key] = Entry(vhost: vhost, tls: tlsContext)
        return vhost
    }

    /// Frees what lws does not: call it when the context is gone.
    func destroy() {
        self.secured.removeAll()
    }

    private static func makeVhost(_ context: OpaquePointer, name: String, tls: TLSContext?) -> OpaquePointer? {
        var info = lws_context_creation_info()
        info.port = CONTEXT_PORT_NO_LISTEN
        info.protocols = LWSCallbacks.protocols
        info.timeout_secs = 3600
        if let tls {
            info.options = UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT)
            info.provided_client_ssl_ctx = tls.pointer
        }
        return name.withCString { name in
            // Not null, with which lws takes a proxy from the environment, unasked (vhost.c:775); and not empty, which it
            // calls an error (client.c:101). With port 0 there is none.
            ":0".withCString { noProxy in
                // lws keeps the pointer to the name: it must live as long as the context, which may be for ever.
                info.vhost_name = UnsafePointer(strdup(name))
                info.http_proxy_address = noProxy
                return lws_create_vhost(context, &info)
            }
        }
    }
}
