internal import CLibwebsockets
internal import Glibc
internal import WebSocketCore

// How lws is told to connect.
extension Tunnel {
    /// - Parameter handle: of the attempt, for the wsi.
    func connect(
        to address: String,
        vhost: OpaquePointer,
        handle: UnsafeMutableRawPointer
    ) -> OpaquePointer? {
        var info = lws_client_connect_info()
        info.context = self.core.contextOnLoop
        info.vhost = vhost
        info.port = Int32(self.peer.port)
        info.ssl_connection = self.connectionFlags
        info.retry_and_idle_policy = Self.noKeepalive
        info.opaque_user_data = handle
        return withCStrings(
            address,
            self.request.endpoint.tlsName,
            "GET",
            "/",
            "http/1.1",
            LWSCallbacks.tunnelProtocolName,
            self.localAddress?.matching(address)
        ) { strings in
            info.address = strings[0]
            // The request's own Host line is in our bytes, and the name of TLS in the handshake.
            info.host = strings[1]
            info.origin = strings[1]
            info.method = strings[2]
            info.path = strings[3]
            // Without it lws would offer h2 as well, over which its WebSocket client does not work.
            info.alpn = strings[4]
            info.local_protocol_name = strings[5]
            info.iface = strings[6]
            return lws_client_connect_via_info(&info)
        }
    }

    private var connectionFlags: Int32 {
        // Never LCCSCF_PIPELINE: it would queue connections to one address behind each other.
        var flags = Int32(bitPattern: LCCSCF_HTTP_NO_FOLLOW_REDIRECT.rawValue)
        if self.request.tls != nil {
            // The name is verified by the handshake: lws cuts it (openssl-client.c:169).
            for flag in [LCCSCF_USE_SSL, LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK] {
                flags |= Int32(bitPattern: flag.rawValue)
            }
        }
        return flags
    }

    /// All zero: lws sends no pings, and arms no timer of 300 s for each connection (context.c:839). It keeps the pointer.
    nonisolated(unsafe) private static let noKeepalive: UnsafePointer<lws_retry_bo_t> = {  // immutable once made
        let policy = UnsafeMutablePointer<lws_retry_bo_t>.allocate(capacity: 1)
        policy.initialize(to: lws_retry_bo_t())
        return UnsafePointer(policy)
    }()
}

/// Calls `body` with C strings that live during the call.
private func withCStrings<Result>(_ strings: String?..., body: ([UnsafePointer<CChar>?]) -> Result) -> Result {
    let copies = strings.map { string in string.flatMap { strdup($0) } }
    defer { for copy in copies { free(copy) } }
    return body(copies.map { copy in copy.map { UnsafePointer($0) } })
}
