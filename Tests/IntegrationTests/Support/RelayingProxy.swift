import Glibc
import TestSupport

@testable import LWSTransport

/// An HTTP proxy that does what it is asked: it opens tunnels, to this machine whatever the name, and relays.
///
/// Two threads for each client, with blocking calls: nothing is as easily seen to be right.
final class RelayingProxy: Sendable {
    struct Configuration: Sendable {
        /// What `Proxy-Authorization` has to be; nil if it may be missing.
        var authorization: String?
        var answer = "HTTP/1.1 200 Connection established\r\n\r\n"
        /// How many bytes of the answer one segment has.
        var answerChunkSize = Int.max
    }

    private struct State {
        var requests: [String] = []
        var descriptors: Set<Int32> = []
        var isStopped = false
    }

    let port: Int
    private let listener: Int32
    private let configuration: Configuration
    private let state = Locked(State())

    /// The heads of the requests that have come.
    var requests: [String] { self.state.value.requests }
    /// `http://127.0.0.1:port`
    var url: String { "http://127.0.0.1:\(self.port)" }

    init(_ configuration: Configuration = Configuration()) throws {
        self.configuration = configuration
        (self.listener, self.port) = try listeningSocket()
        self.spawn { self.acceptClients() }
    }

    /// Ends everything; the threads end soon after.
    func stop() {
        let descriptors = self.state.withLock { state in
            state.isStopped = true
            return state.descriptors.union([self.listener])
        }
        for descriptor in descriptors { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    private func spawn(_ body: @escaping @Sendable () -> Void) {
        if spawnThread(named: "proxy", body) != 0 { self.stop() }
    }

    private func acceptClients() {
        while true {
            let client = accept(self.listener, nil, nil)
            guard client >= 0 else { break }
            self.keep(client)
            self.spawn { self.serve(client) }
        }
        close(self.listener)
    }

    private func keep(_ descriptor: Int32) {
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
        let isStopped = self.state.withLock { state in
            state.descriptors.insert(descriptor)
            return state.isStopped
        }
        if isStopped { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    /// Closed under the lock: `stop` must not meet the number when it is somebody else's.
    private func drop(_ descriptor: Int32) {
        self.state.withLock { state in
            state.descriptors.remove(descriptor)
            close(descriptor)
        }
    }

    private func serve(_ client: Int32) {
        defer { self.drop(client) }
        guard let head = self.readHead(client) else { return }
        self.state.withLock { $0.requests.append(head) }
        if let authorization = self.configuration.authorization,
            !head.contains("\r\nProxy-Authorization: \(authorization)\r\n")
        {
            let body = "credentials, please"
            self.send(
                Array(
                    ("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"test\"\r\n"
                        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)").utf8
                )[...],
                to: client
            )
            return
        }
        guard let server = self.connect(head) else {
            self.send(Array("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n".utf8)[...], to: client)
            return
        }
        defer { self.drop(server) }
        var answer = Array(self.configuration.answer.utf8)[...]
        while !answer.isEmpty {
            self.send(answer.prefix(self.configuration.answerChunkSize), to: client)
            answer = answer.dropFirst(self.configuration.answerChunkSize)
            // So that each chunk is seen on its own, mostly: nothing tells when the client has read it.
            if !answer.isEmpty { usleep(500) }
        }
        let gate = Gate()
        self.spawn {
            self.relay(from: server, to: client)
            gate.open()
        }
        self.relay(from: client, to: server)
        gate.wait()
    }

    private func readHead(_ client: Int32) -> String? {
        var head: [UInt8] = []
        var byte: UInt8 = 0
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
            guard recv(client, &byte, 1, 0) == 1 else { return nil }
            head.append(byte)
        }
        return String(decoding: head, as: UTF8.self)
    }

    /// Connects to the port of the request line, with IPv6 where an IPv6 address is asked for.
    private func connect(_ head: String) -> Int32? {
        let words = head.prefix { $0 != "\r\n" }.split(separator: " ")
        guard words.count == 3, words[0] == "CONNECT", let colon = words[1].lastIndex(of: ":"),
            let port = UInt16(words[1][colon...].dropFirst())
        else { return nil }
        let isIPv6 = words[1].hasPrefix("[")
        let descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var storage = sockaddr_storage()
        let status = withUnsafeMutablePointer(to: &storage) { pointer -> Int32 in
            pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                $0.pointee.sin6_port = port.bigEndian
                if isIPv6 {
                    $0.pointee.sin6_family = sa_family_t(AF_INET6)
                    $0.pointee.sin6_addr = in6addr_loopback
                }
            }
            pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                if !isIPv6 {
                    $0.pointee.sin_family = sa_family_t(AF_INET)
                    $0.pointee.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
                }
            }
            return pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                let size = isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
                return Glibc.connect(descriptor, $0, socklen_t(size))
            }
        }
        self.keep(descriptor)
        if status == 0 { return descriptor }
        self.drop(descriptor)
        return nil
    }

    private func relay(from source: Int32, to sink: Int32) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            guard count > 0, self.send(buffer[..<count], to: sink) else { break }
        }
        shutdown(sink, Int32(SHUT_WR))
    }

    @discardableResult
    private func send(_ bytes: ArraySlice<UInt8>, to sink: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(sink, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}

/// Runs the body with a proxy that is stopped afterwards.
func withRelayingProxy(
    _ configuration: RelayingProxy.Configuration = RelayingProxy.Configuration(),
    _ body: (RelayingProxy) async throws -> Void
) async throws {
    let proxy = try RelayingProxy(configuration)
    defer { proxy.stop() }
    try await body(proxy)
}

/// A socket that listens on a free port of 127.0.0.1.
private func listeningSocket() throws -> (descriptor: Int32, port: Int) {
    struct NoSocket: Error {}
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, size) == 0 && listen(descriptor, 64) == 0 && getsockname(descriptor, $0, &size) == 0
        }
    }
    guard isListening else {
        close(descriptor)
        throw NoSocket()
    }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
}
