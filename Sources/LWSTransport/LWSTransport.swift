internal import Glibc
package import WebSocketCore

/// The transport over libwebsockets: TCP, TLS and the HTTP exchange of the upgrade are lws's, the bytes after it are ours.
package struct LWSTransport: Transport {
    private let eventLoop: EventLoop

    package init(_ eventLoop: EventLoop) {
        self.eventLoop = eventLoop
    }

    package var loop: any TransportLoop { self.eventLoop }

    package func open(_ request: TransportRequest, delegate: any TransportDelegate) -> any TransportChannel {
        let tunnel = Tunnel(request: request, loop: self.eventLoop, delegate: delegate)
        tunnel.begin()
        return tunnel
    }

    /// The value of a variable of the process's environment. Like everything that reads it, not to be called while another
    /// thread changes the environment (getenv(3)).
    package static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// How many bytes an upgrade request may have: it goes out with one write.
    package static let maximumRequestSize = 60 << 10
}
