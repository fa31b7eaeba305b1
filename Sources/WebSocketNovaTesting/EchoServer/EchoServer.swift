import Synchronization
public import WebSocketCore

/// A WebSocket server for tests: it sends every message back, as text or binary as it came.
///
/// The server is libwebsockets' own WebSocket server role on a thread of its own, so a client built on this package is
/// tested against another implementation of the protocol than its own. It listens on a free port of the loopback interface.
///
/// ```swift
/// try await withEchoServer { server in
///     let socket = try await WebSocket.connect(to: server.url)
///     try await socket.send("hello")
///     …
/// }
/// ```
///
/// A message is echoed whole, in one frame, when its last fragment has come; the next is read when the echo has left, so a
/// client that does not read is not read from either, and the memory of a connection is bounded by one message. Pings are
/// answered, except that of several pings in one read only the first is (libwebsockets 4.1.6). A Close frame is answered with
/// the same code and reason, except that libwebsockets 4.1.6 answers codes 1012 to 1014 with 1002.
///
/// ## Paths
/// | path | what happens |
/// |---|---|
/// | `/greet` | the text `hello` is sent as soon as the upgrade is done |
/// | `/header?name=x-custom` | the text of the named request header is sent first (empty if there is none) |
/// | `/fragments?size=1000` | messages come back in fragments of that many bytes of payload |
/// | `/close?code=4000&reason=bye` | the server closes as soon as the upgrade is done |
/// | `/tls` | over TLS, what the server knows of it is sent first: `version=TLSv1.3 cipher=… resumed=false name=… client=…` |
/// | `/drop` | the TCP connection is cut at the first message, without a Close frame |
/// | a key of ``Configuration/refusals`` | the upgrade is refused |
/// | any other | echo |
public final class EchoServer: Sendable {
    /// The port on which the server listens.
    public let port: Int
    /// `ws://127.0.0.1:port/`, with `wss` for TLS and `[::1]` for IPv6.
    public let url: String
    /// The certificate authority that a TLS client has to trust, as PEM; empty without TLS. It is made anew for each server,
    /// unless ``TLS/authority`` is set; for a self-signed certificate it is that.
    public let certificatePEM: [UInt8]
    /// Who has signed the server's certificate; nil without TLS.
    public let authority: TestCertificateAuthority?
    /// The pin of the server's public key; nil without TLS.
    public let pin: PublicKeyPin?

    private let loop: EchoServerLoop
    private let thread: ServerThread

    /// Starts a server; it is ready for connections when this returns.
    ///
    /// - Throws: ``TestServerError`` if there is no port, thread or memory, or the configuration is out of range.
    public init(configuration: Configuration = Configuration()) throws {
        let identity = configuration.isTLS ? try TestServerIdentity(configuration.tls) : nil
        let loop = try EchoServerLoop(configuration: configuration, identity: identity)
        do {
            self.thread = try ServerThread.start(name: "nova-echo") { loop.run() }
        } catch {
            loop.destroyUnstarted()
            throw error
        }
        self.loop = loop
        self.port = loop.port
        let signer = configuration.tls.isSelfSigned ? identity?.leaf : identity?.authority.root
        self.certificatePEM = signer?.certificatePEM ?? []
        self.authority = identity?.authority
        self.pin = try identity.map { try PublicKeyPin(sha256: $0.leaf.publicKeyDigest) }
        let host = configuration.isIPv6 ? "[::1]" : "127.0.0.1"
        self.url = "\(configuration.isTLS ? "wss" : "ws")://\(host):\(loop.port)/"
    }

    deinit {
        self.loop.requestStop()
        self.thread.detach()
    }

    /// How many WebSocket connections are open.
    public var connectionCount: Int { self.loop.connectionCount }

    /// Begins a closing handshake on every open connection.
    public func closeConnections(code: WebSocketCloseCode = .goingAway, reason: String = "") {
        self.loop.request(.close(code: code, reason: reason))
    }

    /// Cuts every open connection without a Close frame.
    public func dropConnections() {
        self.loop.request(.drop)
    }

    /// Stops the server: connections are cut without a Close frame, the port is free and the thread gone when this returns.
    /// May be called more than once.
    public func stop() async {
        self.loop.requestStop()
        await self.thread.join()
    }
}

/// Runs the body with an ``EchoServer`` that is stopped when the body returns or throws.
@discardableResult
public func withEchoServer<Result>(
    configuration: EchoServer.Configuration = EchoServer.Configuration(),
    isolation: isolated (any Actor)? = #isolation,
    _ body: (EchoServer) async throws -> Result
) async throws -> Result {
    let server = try EchoServer(configuration: configuration)
    do {
        let result = try await body(server)
        await server.stop()
        return result
    } catch {
        await server.stop()
        throw error
    }
}
