internal import CLibwebsockets
internal import Glibc
internal import WebSocketCore

// From the TCP connection with a proxy to the tunnel through it.
//
// libwebsockets has a CONNECT of its own, which is not used: it takes what one recv() gives for the whole answer
// (client-http.c:160), cuts the request at 256 bytes and credentials at 93 (client-handshake.c:100, client.c:32), knows no
// status but 200, drops the rest of a refusal, and has the proxy and its credentials in the vhost, each with a TLS context.
// Instead it connects to the proxy as it would to a server, and is then held back: while its flow control is on, the role
// of HTTP looks at no event of the socket (ops-h1.c:629), not at the one either with which it would begin TLS or the request
// (client-handshake.c:294). Meanwhile the socket, on which nothing has been sent, is ours.
extension Tunnel {
    /// Who the TCP connection is with.
    var peer: Endpoint { self.request.proxy?.endpoint ?? self.request.endpoint }

    var peerName: String { self.request.proxy.map { "the proxy \($0)" } ?? "\(self.request.endpoint)" }

    /// The TCP connection with the proxy is up; within a callback of lws.
    func begin(with proxy: ProxyServer) {
        self.enter(.proxy)
        guard let wsi, lws_rx_flow_control(wsi, 0) >= 0, let watcher = self.core.watcher() else {
            self.fail(
                WebSocketError(.resourceExhausted, "no descriptor to watch the connection with the proxy \(proxy)")
            )
            return
        }
        let handshake = ProxyHandshake(
            target: self.request.endpoint,
            authorization: proxy.authorization,
            maximumHeadSize: self.request.maximumResponseHeadSize,
            maximumBodySize: self.request.maximumRefusalBodySize
        )
        let socket = lws_get_socket_fd(wsi)
        let exchange = ProxyExchange(handshake, socket: socket, watcher: watcher) { [weak self] event in
            self?.proxyExchange(event, proxy)
        }
        self.proxyExchange = exchange
        exchange.begin()
    }

    private func proxyExchange(_ event: ProxyExchange.Event, _ proxy: ProxyServer) {
        guard self.state == .connecting, self.closure == nil, !self.isDoomed else { return }
        switch event {
        case .refused(let head):
            self.delegate?.channelWasRefused(self.refusal(head, by: proxy))
        case .ended(.established):
            self.proxyExchange = nil
            self.goOnWithServer()
        case .ended(.refused(let bodyPrefix)):
            self.finish(.refused(bodyPrefix: bodyPrefix))
        case .ended(.failed(let words)):
            self.fail(self.proxyError(words))
        }
    }

    /// lws goes on where it was held back: upon the next event of the socket, which is that it can be written to.
    private func goOnWithServer() {
        guard let wsi else { return }
        self.beginWithServer()
        if lws_rx_flow_control(wsi, 1) < 0 || lws_callback_on_writable(wsi) < 0 {
            self.fail(WebSocketError(.transportFailed, "libwebsockets does not go on with \(self.request.endpoint)"))
        }
    }

    /// The socket is the server's from here on.
    func beginWithServer() {
        self.enter(self.request.tls == nil ? .upgrade : .tls)
    }

    private func refusal(_ head: HTTPResponseHead, by proxy: ProxyServer) -> WebSocketError {
        var words = "the proxy \(proxy) refused a tunnel to \(self.request.endpoint) with status \(head.status)"
        if head.status == 407 {
            words += proxy.authorization == nil ? "; it wants credentials" : "; it does not take the credentials given"
        }
        let answer = WebSocketError.Handshake(status: head.status, headers: head.headers, bodyPrefix: [])
        return WebSocketError(.proxyRefused, words, handshake: answer)
    }

    /// Why there is no tunnel, and no refusal either.
    func proxyError(_ words: String) -> WebSocketError {
        let proxy = self.request.proxy.map { " \($0)" } ?? ""
        return WebSocketError(.proxyFailed, "no tunnel to \(self.request.endpoint) through the proxy\(proxy): \(words)")
    }
}
