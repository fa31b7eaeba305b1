import CLibwebsockets
import COpenSSL
import LWSTransport
import Synchronization
import WebSocketCore

/// The lws context of an ``EchoServer`` and the thread that serves it.
///
/// lws's own poll() loop is good enough here: its cost grows with the number of connections, but a server in a test process is
/// not what is measured.
///
/// `@unchecked Sendable` because everything but `shared` is set before the thread starts or is touched by that thread only.
final class EchoServerLoop: @unchecked Sendable {
    enum Request {
        case close(code: WebSocketCloseCode, reason: String)
        case drop
    }

    private struct Shared {
        /// Nil once the context may no longer be woken: `lws_cancel_service` must not race its destruction.
        var isAwake = true
        var isStopping = false
        var requests: [Request] = []
        var connectionCount = 0
    }

    let configuration: EchoServer.Configuration
    /// Nil without TLS.
    let identity: TestServerIdentity?
    private(set) var port = 0

    private let shared = Mutex(Shared())
    // Only the server's thread uses the context, but for `lws_cancel_service`, which is made under the lock.
    private var context: OpaquePointer?
    private var memory = CMemory()
    private(set) var connections: [OpaquePointer: EchoConnection] = [:]

    init(configuration: EchoServer.Configuration, identity: TestServerIdentity?) throws {
        try configuration.check()
        self.configuration = configuration
        self.identity = identity
        var info = lws_context_creation_info()
        info.port = CONTEXT_PORT_NO_LISTEN
        info.options = UInt64(LWS_SERVER_OPTION_EXPLICIT_VHOSTS)
        info.user = Unmanaged.passUnretained(self).toOpaque()
        // Room for the largest TLS record, so that no decrypted byte is ever left in OpenSSL: see `EchoConnection`.
        info.pt_serv_buf_size = EchoConnection.receiveSize + 64
        info.max_http_header_data2 = 16_384
        guard let context = LWSGlobal.makeContext(&info) else {
            throw TestServerError("libwebsockets made no context")
        }
        self.context = context
        guard let vhost = self.makeVhost(in: context) else {
            lws_context_destroy(context)
            throw TestServerError("libwebsockets cannot listen on a loopback port")
        }
        self.port = Int(lws_get_vhost_listen_port(vhost))
    }

    private func makeVhost(in context: OpaquePointer) -> OpaquePointer? {
        var info = lws_context_creation_info()
        info.port = Int32(self.configuration.port)
        // Of each phase of a handshake. lws's default of 5 s is too little for a thousand clients on a busy machine.
        info.timeout_secs = 60
        info.vhost_name = self.memory.string("nova-echo")
        info.iface = self.memory.string(self.configuration.isIPv6 ? "::1" : "127.0.0.1")
        info.protocols = UnsafePointer(self.memory.array(self.protocols()))
        if self.configuration.permessageDeflate != nil { info.extensions = PassThroughExtension.table.pointer }
        // A policy without times: no pings of lws's own, and no end of idle connections.
        info.retry_and_idle_policy = UnsafePointer(self.memory.array([lws_retry_bo_t()]))
        info.options = UInt64(LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND)
        if !self.configuration.isIPv6 { info.options |= UInt64(LWS_SERVER_OPTION_DISABLE_IPV6) }
        info.alpn = self.memory.string("http/1.1")
        if self.identity != nil {
            info.options |= UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT)
            // The certificate is put in when lws asks for it, in a callback.
            info.options |= UInt64(LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX)
        }
        // What OpenSSL complains of stays on this thread.
        defer { ERR_clear_error() }
        return lws_create_vhost(context, &info)
    }

    /// The first protocol is the one of connections without a subprotocol; its name is none that a client may offer.
    private func protocols() -> [lws_protocols] {
        var protocols = ([" "] + self.configuration.subprotocols).map { name in
            var entry = lws_protocols()
            entry.name = self.memory.string(name)
            entry.callback = echoServerCallback
            entry.rx_buffer_size = Int(EchoConnection.receiveSize)
            // As much as possible in one write: lws copies what is over the cap, for every cap anew.
            entry.tx_packet_size = 16 << 20
            return entry
        }
        protocols.append(lws_protocols())
        return protocols
    }

    /// The thread's body.
    func run() {
        guard let context = self.context else { return }
        // The timeout of `lws_service` is ignored by 4.1.6: it waits until there is something to do.
        while !self.shared.withLock({ $0.isStopping }), lws_service(context, 0) >= 0 {
            self.carryOutRequests()
        }
        self.shared.withLock { $0.isAwake = false }
        lws_context_destroy(context)
        self.context = nil
        self.connections = [:]
        self.shared.withLock { $0.connectionCount = 0 }
        self.memory.free()
    }

    /// For a loop whose thread could not be started.
    func destroyUnstarted() {
        lws_context_destroy(self.context)
        self.context = nil
        self.memory.free()
    }

    private func carryOutRequests() {
        let requests = self.shared.withLock { shared in
            defer { shared.requests = [] }
            return shared.requests
        }
        for request in requests {
            for connection in self.connections.values where connection.isEstablished {
                switch request {
                case .close(let code, let reason): connection.close(code: code, reason: reason)
                case .drop: connection.drop()
                }
            }
        }
    }
}

// Any thread.
extension EchoServerLoop {
    var connectionCount: Int { self.shared.withLock { $0.connectionCount } }

    func request(_ request: Request) {
        self.wake { $0.requests.append(request) }
    }

    func requestStop() {
        self.wake { $0.isStopping = true }
    }

    private func wake(_ change: (inout Shared) -> Void) {
        self.shared.withLock { shared in
            change(&shared)
            if shared.isAwake, let context = self.context { lws_cancel_service(context) }
        }
    }
}

// The server's thread, called back by lws.
extension EchoServerLoop {
    func connectionBegan(_ connection: EchoConnection) {
        self.connections[connection.wsi] = connection
    }

    func connectionEstablished() {
        self.shared.withLock { $0.connectionCount += 1 }
    }

    func connectionEnded(_ wsi: OpaquePointer) {
        guard let connection = self.connections.removeValue(forKey: wsi), connection.isEstablished else { return }
        self.shared.withLock { $0.connectionCount -= 1 }
    }
}

extension EchoServer.Configuration {
    func check() throws {
        for name in self.subprotocols where name.isEmpty || name.utf8.count > 63 || name.contains(" ") {
            throw TestServerError("subprotocol \"\(name)\" is not a token of at most 63 bytes")
        }
        if let deflate = self.permessageDeflate {
            guard (9...15).contains(deflate.serverMaxWindowBits) else {
                throw TestServerError("serverMaxWindowBits \(deflate.serverMaxWindowBits) is not in 9...15")
            }
            guard (8...15).contains(deflate.clientMaxWindowBits ?? 15) else {
                throw TestServerError("clientMaxWindowBits \(deflate.clientMaxWindowBits ?? 15) is not in 8...15")
            }
        }
    }
}
