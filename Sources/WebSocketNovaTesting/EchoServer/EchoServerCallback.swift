import CLibwebsockets
import LWSTransport
import WebSocketCore

/// What lws calls for everything that happens on an ``EchoServer``.
///
/// Result 0 means go on, anything else close the connection; for reasons that are none of this server's business always 0
/// (rules 12 of the transport's notes: a result other than 0 for `EVENT_WAIT_CANCELLED` would close the wake-up pipe).
func echoServerCallback(
    wsi: OpaquePointer?,
    reason: lws_callback_reasons,
    user: UnsafeMutableRawPointer?,
    input: UnsafeMutableRawPointer?,
    length: Int
) -> Int32 {
    guard let wsi, let context = lws_get_context(wsi), let pointer = lws_context_user(context) else { return 0 }
    // The loop outlives its context: it destroys it.
    let loop = Unmanaged<EchoServerLoop>.fromOpaque(pointer).takeUnretainedValue()
    switch reason {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        // Here `user` is the vhost's SSL_CTX.
        guard let user, let identity = loop.identity else { return 0 }
        return identity.use(in: OpaquePointer(user)) ? 0 : -1
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return loop.upgradeRequested(EchoRequest(wsi: wsi), protocol: input)
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return loop.upgradeBegan(EchoRequest(wsi: wsi))
    case LWS_CALLBACK_CONFIRM_EXTENSION_OKAY:
        return loop.connections[wsi]?.compression == nil ? 1 : 0
    case LWS_CALLBACK_ADD_HEADERS:
        guard let compression = loop.connections[wsi]?.compression, let input else { return 0 }
        return PassThroughExtension.append(compression.parameters, to: input)
    case LWS_CALLBACK_ESTABLISHED:
        guard let connection = loop.connections[wsi] else { return -1 }
        loop.connectionEstablished()
        return connection.established()
    case LWS_CALLBACK_RECEIVE:
        return loop.connections[wsi]?.received(UnsafeRawBufferPointer(start: input, count: input == nil ? 0 : length))
            ?? -1
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return loop.connections[wsi]?.writable() ?? 0
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        loop.connections[wsi]?.peerClosed()
        return 0
    case LWS_CALLBACK_CLOSED, LWS_CALLBACK_WSI_DESTROY:
        loop.connectionEnded(wsi)
        return 0
    case LWS_CALLBACK_HTTP:
        return loop.plainRequestCame(EchoRequest(wsi: wsi))
    case LWS_CALLBACK_RAW_ADOPT:
        // A CONNECT request: lws would go on with it as a raw stream.
        return -1
    default:
        return 0
    }
}

extension EchoServerLoop {
    /// Answers an upgrade that is not to be; a negative result is how lws is told to close after the answer.
    fileprivate func upgradeRequested(_ request: EchoRequest, protocol input: UnsafeMutableRawPointer?) -> Int32 {
        let kind = input.map { String(cString: $0.assumingMemoryBound(to: CChar.self)) } ?? ""
        if let refusal = self.configuration.refusals[request.path] {
            request.respond(with: refusal)
        } else if kind.lowercased() != "websocket" {
            request.respond(with: EchoServer.Refusal(status: 400, body: "cannot upgrade to \(kind)\n"))
        } else if request.value(of: WSI_TOKEN_VERSION) != "13" {
            let refusal = EchoServer.Refusal(
                status: 426,
                body: "only version 13 of the WebSocket protocol\n",
                headers: ["Sec-WebSocket-Version": "13"]
            )
            request.respond(with: refusal)
        } else if request.value(of: WSI_TOKEN_KEY)?.utf8.count != 24 || request.value(of: WSI_TOKEN_HOST) == nil {
            request.respond(
                with: EchoServer.Refusal(status: 400, body: "no Host or no Sec-WebSocket-Key of 24 characters\n")
            )
        } else if !self.knowsSubprotocol(of: request) {
            request.respond(with: EchoServer.Refusal(status: 400, body: "none of the offered subprotocols is known\n"))
        } else {
            return 0
        }
        return -1
    }

    /// lws drops a connection without an answer if it knows none of the offered subprotocols.
    private func knowsSubprotocol(of request: EchoRequest) -> Bool {
        guard let offer = request.value(of: WSI_TOKEN_PROTOCOL), !offer.isEmpty else { return true }
        let offered = offer.split(separator: ",").map { $0.drop { $0 == " " } }
        return offered.contains { name in
            self.configuration.subprotocols.contains { $0 == name.split(separator: " ").first ?? "" }
        }
    }

    fileprivate func upgradeBegan(_ request: EchoRequest) -> Int32 {
        let compression = self.configuration.permessageDeflate.flatMap { configuration in
            EchoCompression(offers: request.value(of: WSI_TOKEN_EXTENSIONS) ?? "", configuration: configuration)
        }
        let route = EchoRoute(path: request.path, query: request.query, header: request.header)
        let connection = EchoConnection(
            wsi: request.wsi,
            route: route,
            compression: compression,
            maximumMessageSize: self.configuration.maximumMessageSize
        )
        self.connectionBegan(connection)
        return 0
    }

    fileprivate func plainRequestCame(_ request: EchoRequest) -> Int32 {
        let upgradeRequired = EchoServer.Refusal(
            status: 426,
            body: "this is a WebSocket server\n",
            headers: ["Upgrade": "websocket"]
        )
        request.respond(with: self.configuration.refusals[request.path] ?? upgradeRequired)
        return -1
    }
}
