import Glibc
import Testing

/// A port that answers no connection attempt: the queue of its listener is full, and Linux drops what comes then.
struct SilentPort: ~Copyable {
    let port: Int
    private var descriptors: [Int32] = []

    /// - Parameters:
    ///   - host: the last byte of an address 127.0.0.x.
    ///   - port: 0 for a free one.
    init(host: UInt8 = 1, port: Int = 0) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        try #require(listener >= 0)
        self.descriptors = [listener]
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = (0x7F00_0000 | UInt32(host)).bigEndian
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 0) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        try #require(isListening)
        self.port = Int(UInt16(bigEndian: address.sin_port))
        // One more than the length of the queue are taken; the others wait as we do.
        for _ in 0..<4 {
            let client = socket(
                AF_INET,
                Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue),
                0
            )
            withUnsafePointer(to: &address) {
                _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(client, $0, size) }
            }
            self.descriptors.append(client)
        }
    }

    /// A Unix socket in the same state.
    init(unixPath: String) throws {
        self.port = 0
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: unixPath.utf8.prefix($0.count - 1)) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let listener = socket(AF_UNIX, type, 0)
        try #require(listener >= 0)
        self.descriptors = [listener]
        let isListening = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 0) == 0
            }
        }
        try #require(isListening)
        for _ in 0..<4 {
            let client = socket(AF_UNIX, type, 0)
            withUnsafePointer(to: &address) {
                _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(client, $0, size) }
            }
            self.descriptors.append(client)
        }
    }

    deinit {
        for descriptor in self.descriptors { close(descriptor) }
    }

    var url: String { "ws://127.0.0.1:\(self.port)/" }
}
