internal import CLibwebsockets
internal import WebSocketCore

// What TLS adds to the opening.
extension Tunnel {
    /// Gets the TLS context, which may mean to read files on another thread, and goes on to the look-up.
    func prepareTLS() {
        guard let tls = self.request.tls else {
            self.resolve()
            return
        }
        if let context = TLSContexts.ready(for: tls) {
            self.tlsIsReady(.success(context))
        } else {
            TLSContexts.load(tls) { outcome in self.loop.wake(LoopAnswer { self.tlsIsReady(outcome) }) }
        }
    }

    private func tlsIsReady(_ outcome: TLSContexts.Outcome) {
        guard self.state == .resolving, self.closure == nil, let tls = self.request.tls else { return }
        do throws(WebSocketError) {
            self.handshake = try TLSHandshake(
                context: try outcome.get(),
                configuration: tls,
                endpoint: self.request.endpoint
            )
        } catch {
            self.fail(error)
            return
        }
        self.resolve()
    }

    /// Called when lws is about to close a socket. What the server has said may still be there: lws does not read after a
    /// write that has failed.
    func lwsWillClose(_ wsi: OpaquePointer) {
        if wsi == self.wsi { self.leaveSocket() }
        guard self.state == .connecting, let handshake, let ssl = lws_get_ssl(wsi) else { return }
        handshake.lookForAlert(ssl)
    }

    /// The error of an opening that failed because of TLS; nil if it was something else.
    func tlsError(_ words: String) -> WebSocketError? {
        guard let handshake else { return nil }
        return self.phase == .tls
            ? handshake.openingError("\(self.request.endpoint)", words: words)
            : handshake.alertError("\(self.request.endpoint)")
    }
}
