internal import CLibwebsockets
internal import Glibc
internal import WebSocketCore

/// Puts a ``NetworkConfiguration`` on a socket.
enum SocketOptions {
    /// Sets what differs from the way in which lws has made the socket, which has TCP_NODELAY on (unix-sockets.c:170).
    ///
    /// - Returns: what could not be set, in words.
    static func apply(_ network: NetworkConfiguration, to descriptor: Int32, isUnix: Bool) -> String? {
        var options: [(name: String, level: Int32, option: Int32, value: Int32)] = []
        if let size = network.receiveBufferSize {
            options.append(("network.receiveBufferSize", SOL_SOCKET, SO_RCVBUF, Int32(clamping: size)))
        }
        if let size = network.sendBufferSize {
            options.append(("network.sendBufferSize", SOL_SOCKET, SO_SNDBUF, Int32(clamping: size)))
        }
        if !isUnix {
            let tcp = Int32(IPPROTO_TCP)
            if !network.noDelay { options.append(("network.noDelay", tcp, TCP_NODELAY, 0)) }
            if let keepalive = network.tcpKeepalive {
                let name = "network.tcpKeepalive"
                options.append((name, tcp, TCP_KEEPIDLE, Self.seconds(keepalive.idle)))
                options.append((name, tcp, TCP_KEEPINTVL, Self.seconds(keepalive.interval)))
                options.append((name, tcp, TCP_KEEPCNT, Int32(clamping: keepalive.count)))
                options.append((name, SOL_SOCKET, SO_KEEPALIVE, 1))
            }
            if let timeout = network.userTimeout {
                options.append(("network.userTimeout", tcp, TCP_USER_TIMEOUT, Self.milliseconds(timeout)))
            }
        }
        for (name, level, option, value) in options {
            var value = value
            if setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) != 0 {
                return "\(name): \(describe(errno: errno))"
            }
        }
        return nil
    }

    /// Whole seconds, rounded up.
    private static func seconds(_ duration: Duration) -> Int32 {
        let (seconds, attoseconds) = duration.components
        return Int32(clamping: seconds + (attoseconds > 0 ? 1 : 0))
    }

    /// Whole milliseconds, rounded up.
    private static func milliseconds(_ duration: Duration) -> Int32 {
        let (seconds, attoseconds) = duration.components
        let fraction = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(clamping: seconds * 1_000 + fraction)
    }
}
