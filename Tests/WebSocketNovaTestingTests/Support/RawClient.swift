import COpenSSL
import Glibc

/// A blocking client that knows no more of WebSockets than these tests need: none of the package's own codec.
final class RawClient {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    struct Frame: Equatable {
        var isFinal: Bool
        var rsv: UInt8 = 0
        var opcode: UInt8
        var payload: [UInt8]
    }

    let descriptor: Int32
    private var tls: (context: OpaquePointer, connection: OpaquePointer)?

    /// Connects; every read fails after ten seconds without a byte.
    init(port: Int, isIPv6: Bool = false, trusting authority: [UInt8]? = nil, name: String = "localhost") throws {
        self.descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard self.descriptor >= 0 else { throw Failure(description: "socket: errno \(errno)") }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(self.descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let code = isIPv6 ? Self.connect6(self.descriptor, port) : Self.connect4(self.descriptor, port)
        guard code == 0 else { throw Failure(description: "connect: errno \(errno)") }
        if let authority { try self.startTLS(trusting: authority, name: name) }
    }

    var tlsConnection: OpaquePointer? { self.tls?.connection }

    deinit {
        self.close()
    }

    private var isClosed = false

    func close() {
        guard !self.isClosed else { return }
        self.isClosed = true
        if let tls {
            SSL_free(tls.connection)
            SSL_CTX_free(tls.context)
        }
        Glibc.close(self.descriptor)
    }

    /// Ends this side of the stream, behind all that was sent.
    func shutDownWriting() {
        shutdown(self.descriptor, Int32(SHUT_WR))
    }

    /// Ends TLS in order, and leaves the TCP connection.
    func shutDownTLS() {
        if let tls { SSL_shutdown(tls.connection) }
    }

    private static func connect4(_ descriptor: Int32, _ port: Int) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func connect6(_ descriptor: Int32, _ port: Int) -> Int32 {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = UInt16(port).bigEndian
        address.sin6_addr = in6addr_loopback
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }

    /// A TLS handshake that verifies the chain and a name.
    private func startTLS(trusting authority: [UInt8], name: String) throws {
        guard let context = SSL_CTX_new(TLS_client_method()), let connection = SSL_new(context) else {
            throw Failure(description: "no SSL")
        }
        self.tls = (context, connection)
        let bio = BIO_new_mem_buf(authority, Int32(authority.count))
        defer { BIO_free(bio) }
        guard let certificate = PEM_read_bio_X509(bio, nil, nil, nil) else { throw Failure(description: "no PEM") }
        defer { X509_free(certificate) }
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate)
        SSL_set_verify(connection, SSL_VERIFY_PEER, nil)
        if name.contains(":") || name.first?.isNumber == true {
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), name)
        } else {
            SSL_set1_host(connection, name)
        }
        SSL_set_fd(connection, self.descriptor)
        let code = SSL_connect(connection)
        guard code == 1 else {
            throw Failure(
                description: "TLS error \(SSL_get_error(connection, code)), verify \(SSL_get_verify_result(connection))"
            )
        }
    }

    // Bytes.

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                let rest = UnsafeRawBufferPointer(rebasing: buffer[sent...])
                if let tls { return Int(SSL_write(tls.connection, rest.baseAddress, Int32(rest.count))) }
                return Glibc.send(self.descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "send: errno \(errno)") }
            sent += count
        }
    }

    func send(_ text: String) throws {
        try self.send(Array(text.utf8))
    }

    /// At most `count` bytes; none at the end of the stream.
    func readSome(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = bytes.withUnsafeMutableBytes { buffer in
            if let tls { return Int(SSL_read(tls.connection, buffer.baseAddress, Int32(buffer.count))) }
            return recv(self.descriptor, buffer.baseAddress, buffer.count, 0)
        }
        guard got >= 0 || errno == ECONNRESET else { throw Failure(description: "recv: errno \(errno)") }
        return Array(bytes.prefix(max(0, got)))
    }

    func read(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let more = try self.readSome(min(count - bytes.count, 1 << 20))
            guard !more.isEmpty else { throw Failure(description: "end after \(bytes.count) of \(count) bytes") }
            bytes += more
        }
        return bytes
    }

    func readToEnd() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let more = try self.readSome(65_536)
            if more.isEmpty { return bytes }
            bytes += more
        }
    }

    /// The response's head with its empty line, read byte by byte so that nothing after it is lost.
    func readHead() throws -> String {
        var bytes: [UInt8] = []
        while bytes.suffix(4) != Array("\r\n\r\n".utf8) { bytes += try self.read(1) }
        return String(decoding: bytes, as: UTF8.self)
    }

    // WebSocket.

    /// Sends an upgrade request with the key of RFC 6455 section 1.3.
    func requestUpgrade(path: String = "/", headers: [String] = []) throws {
        let lines = [
            "GET \(path) HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
        ]
        try self.send((lines + headers).map { $0 + "\r\n" }.joined() + "\r\n")
    }

    /// Upgrades and returns the head of the response.
    @discardableResult
    func upgrade(path: String = "/", headers: [String] = []) throws -> String {
        try self.requestUpgrade(path: path, headers: headers)
        return try self.readHead()
    }

    static func frame(
        _ opcode: UInt8,
        _ payload: [UInt8],
        isFinal: Bool = true,
        rsv: UInt8 = 0,
        mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
    ) -> [UInt8] {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | rsv | opcode]
        switch payload.count {
        case ..<126: bytes.append(0x80 | UInt8(payload.count))
        case ..<65_536: bytes += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: bytes += [0x80 | 127] + (0..<8).reversed().map { UInt8(payload.count >> (8 * $0) & 0xFF) }
        }
        bytes += mask
        let start = bytes.count
        bytes += payload
        // Word by word: a debug build takes its time for every step of a loop.
        let word = mask.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
        bytes.withUnsafeMutableBytes { buffer in
            let body = UnsafeMutableRawBufferPointer(rebasing: buffer[start...])
            let words = body.count / 4
            for index in stride(from: 0, to: 4 * words, by: 4) {
                let masked = body.loadUnaligned(fromByteOffset: index, as: UInt32.self) ^ word
                body.storeBytes(of: masked, toByteOffset: index, as: UInt32.self)
            }
            for index in (4 * words)..<body.count { body[index] ^= mask[index & 3] }
        }
        return bytes
    }

    func sendFrame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, rsv: UInt8 = 0) throws {
        try self.send(Self.frame(opcode, payload, isFinal: isFinal, rsv: rsv))
    }

    func readFrame() throws -> Frame {
        let head = try self.read(2)
        guard head[1] & 0x80 == 0 else { throw Failure(description: "a masked frame from a server") }
        var length = Int(head[1])
        if length >= 126 {
            length = try self.read(length == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) }
        }
        let payload = try self.read(length)
        return Frame(isFinal: head[0] & 0x80 != 0, rsv: head[0] & 0x70, opcode: head[0] & 0x0F, payload: payload)
    }
}
