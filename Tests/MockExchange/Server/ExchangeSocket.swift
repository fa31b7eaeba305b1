import Glibc
import WebSocketNovaTesting

extension ScriptSocket {
    /// A socket that is bound to a port of 127.0.0.1 and does not listen: clients are refused.
    ///
    /// With SO_REUSEADDR several may be bound to one port as long as only one listens, and a port can be listened to again
    /// at once while connections from before are in TIME_WAIT. So one that stays keeps the port from others while a second
    /// one listens or is gone.
    static func bound(to port: Int) throws(TestServerError) -> ScriptSocket {
        let descriptor = socket(AF_INET, Self.streamType, 0)
        guard descriptor >= 0 else { throw TestServerError("no socket: \(errorText(errno))") }
        let result = ScriptSocket(taking: descriptor)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = UInt16(clamping: port).bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw TestServerError("cannot bind to port \(port): \(errorText(errno))") }
        return result
    }

    static func listening(on port: Int) throws(TestServerError) -> ScriptSocket {
        let socket = try Self.bound(to: port)
        guard listen(socket.descriptor, 1_024) == 0 else {
            throw TestServerError("cannot listen on port \(port): \(errorText(errno))")
        }
        return socket
    }
}
