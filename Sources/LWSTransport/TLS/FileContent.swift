internal import COpenSSL
internal import Glibc
internal import WebSocketCore

/// Which state of a file something was made from.
struct FileStamp: Hashable, Sendable {
    let path: String
    private let device: dev_t
    private let inode: ino_t
    private let size: off_t
    private let seconds: Int
    private let nanoseconds: Int

    fileprivate init(path: String, status: stat) {
        self.path = path
        self.device = status.st_dev
        self.inode = status.st_ino
        self.size = status.st_size
        self.seconds = status.st_mtim.tv_sec
        self.nanoseconds = status.st_mtim.tv_nsec
    }

    /// Whether the file is still the same. It asks the file system, which may block.
    var isCurrent: Bool {
        var status = stat()
        return stat(self.path, &status) == 0 && FileStamp(path: self.path, status: status) == self
    }
}

/// The bytes of a small file. Reading blocks: not on the loop.
struct FileContent {
    private(set) var bytes: [UInt8]
    let stamp: FileStamp

    /// The largest bundle of roots has less than one MiB.
    private static let maximumSize = 16 << 20

    /// - Parameter option: the name of the option that names the file, for the error.
    init(_ path: String, option: String) throws(WebSocketError) {
        func failure(_ words: String) -> WebSocketError {
            WebSocketError(.invalidConfiguration, "\(option), file \"\(path.printable)\": \(words)")
        }
        guard !path.utf8.contains(0) else { throw failure("there is a NUL in its name") }
        // Without waiting for somebody to write into a pipe.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(describe(errno: errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw failure("it is not a regular file")
        }
        guard status.st_size <= Self.maximumSize else {
            throw failure("it has \(status.st_size) bytes, more than \(Self.maximumSize)")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < bytes.count {
            let more = bytes.withUnsafeMutableBytes { buffer in
                read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
            }
            if more < 0, errno == EINTR { continue }
            guard more > 0 else { break }
            count += more
        }
        guard count == bytes.count else { throw failure("it could not be read to its end") }
        self.bytes = bytes
        self.stamp = FileStamp(path: path, status: status)
    }

    /// Overwrites the bytes, so that no freed memory holds a key.
    mutating func wipe() {
        self.bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
    }
}

extension TLSConfiguration.PEMSource {
    /// Reads the source, and has the bytes of a file overwritten behind the body: they may hold a key.
    func withBytes<Value>(
        option: String,
        stamps: inout [FileStamp],
        _ body: ([UInt8]) throws(WebSocketError) -> Value
    ) throws(WebSocketError) -> Value {
        switch self.storage {
        case .bytes(let bytes):
            return try body(bytes)
        case .file(let path):
            var content = try FileContent(path, option: option)
            defer { content.wipe() }
            stamps.append(content.stamp)
            return try body(content.bytes)
        }
    }
}
