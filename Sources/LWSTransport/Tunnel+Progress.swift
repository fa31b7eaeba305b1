internal import CLibwebsockets
internal import Glibc
internal import WebSocketCore

// What the kernel knows of the bytes on their way to the peer.
extension Tunnel {
    var progress: TransportProgress? {
        self.core.assertOnLoop()
        guard self.state == .open, let wsi else { return nil }
        let descriptor = lws_get_socket_fd(wsi)
        var outstanding: Int32 = 0
        guard
            descriptor >= 0, let acknowledged = Self.acknowledgedBytes(descriptor),
            // SIOCOUTQ (tcp(7)), a macro of linux/sockios.h by another name.
            ioctl(descriptor, UInt(TIOCOUTQ), &outstanding) == 0
        else { return nil }
        return TransportProgress(acknowledged: acknowledged, outstanding: UInt64(max(0, outstanding)))
    }

    /// `tcpi_bytes_acked` of the kernel's `struct tcp_info` (linux/tcp.h), which glibc's own declaration of it ends before.
    private static let acknowledgedOffset = 120

    /// Nil for what is no TCP socket.
    private static func acknowledgedBytes(_ descriptor: Int32) -> UInt64? {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { info in
            var size = socklen_t(info.count)
            guard
                getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, info.baseAddress, &size) == 0,
                Int(size) >= Self.acknowledgedOffset + 8
            else { return nil }
            return info.load(fromByteOffset: Self.acknowledgedOffset, as: UInt64.self)
        }
    }
}
