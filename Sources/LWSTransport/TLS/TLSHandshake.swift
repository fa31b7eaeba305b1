internal import COpenSSL
internal import Glibc
internal import Synchronization
internal import WebSocketCore

/// What one connection's TLS is to verify, and what became of it.
///
/// lws makes the connection's `SSL` object and runs it; there is no callback of lws between the two. OpenSSL has one, the info
/// callback of the context, which says that a handshake begins before anything of it is made: there the name, the verification
/// and a session to resume are put in. The handshake is found by the socket's descriptor, under which the tunnel has left it
/// when the socket was connected.
///
/// `@unchecked Sendable` because it is only touched on its connection's loop; the table of descriptors hands it from there to
/// there.
final class TLSHandshake: @unchecked Sendable {
    let context: TLSContext
    let name: TLSServerName
    private let endpoint: Endpoint

    /// Of the socket, until the handshake begins.
    private var descriptor: Int32?
    private var isPrepared = false
    /// The server's certificate was not accepted.
    var rejection: Rejection?
    /// The alert that the server has sent.
    var alert: UInt8?
    /// Why the handshake ended, by OpenSSL.
    var failure: Failure?
    private(set) var isComplete = false

    /// Why a certificate was not accepted.
    struct Rejection {
        var reason: TLSFailure.Reason
        var text: String
        var names: [String] = []
    }

    /// What OpenSSL, or the system below it, says of a handshake that failed.
    struct Failure {
        /// OpenSSL's code, or 0.
        var code: UInt
        /// The system's, if OpenSSL has none.
        var errno: Int32
    }

    /// - Throws: `invalid_url` for a host that no certificate can name.
    init(context: TLSContext, configuration: TLSConfiguration, endpoint: Endpoint) throws(WebSocketError) {
        let host = configuration.serverName ?? endpoint.tlsName
        guard let name = TLSServerName(host) else {
            throw WebSocketError(.invalidURL, "\"\(host.printable)\" is no name that a certificate could be for")
        }
        self.context = context
        self.name = name
        self.endpoint = endpoint
    }

    // MARK: The way into OpenSSL

    /// Handshakes that have not begun, by the descriptor of their socket, which is unique in the process.
    private static let awaited = Mutex<[Int32: TLSHandshake]>([:])

    /// Where an `SSL` keeps its handshake, as a reference of its own.
    private static let index: Int32 = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, nil, nil, nil) {
        _,
        handshake,
        _,
        _,
        _,
        _ in
        if let handshake { Unmanaged<TLSHandshake>.fromOpaque(handshake).release() }
    }

    /// Has the next TLS connection on a socket be this one.
    func await(on descriptor: Int32) {
        self.descriptor = descriptor
        Self.awaited.withLock { $0[descriptor] = self }
    }

    /// Takes back what ``await(on:)`` did, if the socket was closed before its handshake began. By now the descriptor may be
    /// somebody else's.
    func forget() {
        guard let descriptor = self.descriptor.take() else { return }
        Self.awaited.withLock { handshakes in
            if handshakes[descriptor] === self { handshakes.removeValue(forKey: descriptor) }
        }
    }

    /// The handshake of a connection; nil if it is none of ours.
    static func of(_ ssl: OpaquePointer) -> TLSHandshake? {
        SSL_get_ex_data(ssl, Self.index).map { Unmanaged.fromOpaque($0).takeUnretainedValue() }
    }

    /// Puts the callbacks into a context.
    static func install(in context: OpaquePointer) {
        SSL_CTX_set_info_callback(context) { ssl, event, value in
            if let ssl { TLSHandshake.happened(ssl, event, value) }
        }
        // In place of X509_verify_cert, which it calls.
        SSL_CTX_set_cert_verify_callback(
            context,
            { store, _ in
                guard let store else { return 0 }
                return TLSHandshake.verify(store) ? 1 : 0
            },
            nil
        )
    }

    private static func happened(_ ssl: OpaquePointer, _ event: Int32, _ value: Int32) {
        if event == SSL_CB_HANDSHAKE_START, Self.of(ssl) == nil {
            Self.begin(ssl)
            return
        }
        guard let handshake = Self.of(ssl) else { return }
        if event == SSL_CB_HANDSHAKE_DONE {
            handshake.isComplete = true
        } else if event & SSL_CB_ALERT != 0, event & SSL_CB_READ != 0 {
            // The level is in the upper byte; in TLS 1.3 it has no meaning.
            let description = UInt8(truncatingIfNeeded: value)
            if description != SSL_AD_CLOSE_NOTIFY, description != SSL_AD_USER_CANCELLED {
                handshake.alert = description
            }
        } else if event & SSL_CB_EXIT != 0, value <= 0, !handshake.isComplete {
            handshake.ended(ssl, errno: Glibc.errno)
        }
    }

    private static func begin(_ ssl: OpaquePointer) {
        let handshake = Self.awaited.withLock { $0.removeValue(forKey: SSL_get_fd(ssl)) }
        guard let handshake else { return }
        handshake.descriptor = nil
        SSL_set_ex_data(ssl, Self.index, Unmanaged.passRetained(handshake).toOpaque())
        handshake.prepare(ssl)
    }

    private func prepare(_ ssl: OpaquePointer) {
        // In place of the callback of lws, which calls every objection an error in its log.
        SSL_set_verify(ssl, SSL_VERIFY_PEER) { isAccepted, _ in isAccepted }
        let parameters = SSL_get0_param(ssl)
        switch self.name {
        case .dns(let name):
            // RFC 9525: the subject's common name is not looked at (section 6.3), and a wildcard is a whole label (6.3).
            let flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
            X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(flags))
            self.isPrepared =
                X509_VERIFY_PARAM_set1_host(parameters, name, name.utf8.count) == 1
                && nova_SSL_set_tlsext_host_name(ssl, name) == 1
        case .address(let address):
            // An address must not be sent as a name (RFC 6066 section 3), as lws does.
            self.isPrepared =
                X509_VERIFY_PARAM_set1_ip_asc(parameters, address) == 1
                && nova_SSL_set_tlsext_host_name(ssl, nil) == 1
        }
        guard self.isPrepared, self.context.configuration.resumesSessions else { return }
        if let session = self.context.sessions.take(for: self.server) { SSL_set_session(ssl, session.pointer) }
    }

    private var server: TLSSessions.Server { TLSSessions.Server(endpoint: self.endpoint, name: self.name) }

    func received(_ session: OpaquePointer) {
        guard self.context.configuration.resumesSessions else { return }
        self.context.sessions.keep(session, of: self.server)
    }

    /// A call of the handshake came back without success: it waits for the peer, or has failed.
    private func ended(_ ssl: OpaquePointer, errno: Int32) {
        let code = ERR_peek_last_error()
        let waits =
            BIO_test_flags(SSL_get_rbio(ssl), BIO_FLAGS_SHOULD_RETRY) != 0
            || BIO_test_flags(SSL_get_wbio(ssl), BIO_FLAGS_SHOULD_RETRY) != 0
        if code == 0, waits { return }
        self.failure = Failure(code: code, errno: code == 0 ? errno : 0)
    }

    /// Looks into what has not been read for an alert, which the info callback is then told of. A server of TLS 1.3 looks at
    /// the client's certificate when the client may be writing its request already, and closes without reading that.
    func lookForAlert(_ ssl: OpaquePointer) {
        guard self.isComplete, self.alert == nil, Self.of(ssl) === self else { return }
        ERR_clear_error()
        var byte: UInt8 = 0
        SSL_peek(ssl, &byte, 1)
        ERR_clear_error()
    }

    // MARK: Verification

    private static func verify(_ store: OpaquePointer) -> Bool {
        let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx())
        guard let ssl, let handshake = Self.of(OpaquePointer(ssl)), handshake.isPrepared else {
            X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
            return false
        }
        return handshake.accepts(store)
    }

    private func accepts(_ store: OpaquePointer) -> Bool {
        let configuration = self.context.configuration
        let shown: [Certificate]
        if configuration.certificateVerification == .full {
            guard X509_verify_cert(store) == 1 else {
                self.rejection = self.explain(store)
                // Never a failure without an error, which OpenSSL would take for a success later.
                if X509_STORE_CTX_get_error(store) == X509_V_OK {
                    X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED)
                }
                return false
            }
            shown = Self.certificates(X509_STORE_CTX_get0_chain(store))
        } else {
            // What the server sent beside its own certificate proves nothing.
            shown = Certificate(retaining: X509_STORE_CTX_get0_cert(store)).map { [$0] } ?? []
        }
        guard self.isPinned(shown) else {
            X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
            return false
        }
        X509_STORE_CTX_set_error(store, X509_V_OK)
        return true
    }

    private func isPinned(_ certificates: [Certificate]) -> Bool {
        let pins = self.context.configuration.pins
        guard !pins.isEmpty else { return true }
        let shown = certificates.compactMap { $0.pin }
        if shown.contains(where: { pins.contains($0) }) { return true }
        let list = shown.isEmpty ? "none" : shown.prefix(10).map { $0.description }.joined(separator: ", ")
        self.rejection = Rejection(reason: .pinMismatch, text: "none of its keys is pinned; they are \(list)")
        return false
    }

    private static func certificates(_ stack: OpaquePointer?) -> [Certificate] {
        (0..<max(0, OPENSSL_sk_num(stack))).compactMap { index in
            Certificate(retaining: OPENSSL_sk_value(stack, index).map { OpaquePointer($0) })
        }
    }
}
