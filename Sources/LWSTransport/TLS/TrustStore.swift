internal import COpenSSL
internal import Glibc
internal import Synchronization
internal import WebSocketCore

/// The certificates of the authorities that are trusted.
///
/// To parse the roots of a system takes longer than all else of an opening, and they are large in memory: TLS contexts with
/// the same roots share a store.
///
/// `@unchecked Sendable` because OpenSSL locks a store itself, and counts references atomically.
final class TrustStore: @unchecked Sendable {
    let pointer: OpaquePointer
    /// What the store was made from, for errors.
    let description: String
    private let stamps: [FileStamp]

    /// Whether the files that it was made from are still the same. It asks the file system, which may block.
    var isCurrent: Bool { self.stamps.allSatisfy { $0.isCurrent } }

    private struct WeakStore: Sendable {
        weak var store: TrustStore?
    }

    private static let stores = Mutex<[TLSConfiguration.TrustRoots: WeakStore]>([:])

    /// The store of these roots, read if need be. It blocks.
    static func of(_ roots: TLSConfiguration.TrustRoots) throws(WebSocketError) -> TrustStore {
        if let store = Self.stores.withLock({ $0[roots]?.store }), store.isCurrent { return store }
        let store = try TrustStore(roots)
        Self.stores.withLock { stores in
            stores = stores.filter { $0.value.store != nil }
            stores[roots] = WeakStore(store: store)
        }
        return store
    }

    private init(_ roots: TLSConfiguration.TrustRoots) throws(WebSocketError) {
        guard let store = X509_STORE_new() else {
            throw WebSocketError(.resourceExhausted, "no memory for trust roots")
        }
        var stamps: [FileStamp] = []
        do throws(WebSocketError) {
            switch roots.storage {
            case .systemDefault:
                self.description = try SystemRoots.current.load(into: store, stamps: &stamps)
            case .source(let source):
                self.description = try Self.load(source, into: store, stamps: &stamps)
            }
        } catch {
            X509_STORE_free(store)
            throw error
        }
        self.pointer = store
        self.stamps = stamps
    }

    deinit { X509_STORE_free(self.pointer) }

    private static func load(
        _ source: TLSConfiguration.PEMSource,
        into store: OpaquePointer,
        stamps: inout [FileStamp]
    ) throws(WebSocketError) -> String {
        let certificates = try source.withBytes(option: "tls.trustRoots", stamps: &stamps) {
            (bytes) throws(WebSocketError) in
            try PEMText(bytes: bytes, origin: "tls.trustRoots, \(source)").certificates()
        }
        for certificate in certificates {
            guard X509_STORE_add_cert(store, certificate.pointer) == 1 else {
                throw WebSocketError(.invalidConfiguration, "tls.trustRoots: \(openSSLErrors())")
            }
        }
        let count = certificates.count == 1 ? "1 certificate" : "\(certificates.count) certificates"
        return source.path.map { "the \(count) in \"\($0.printable)\"" } ?? "the \(count) of tls.trustRoots"
    }
}

/// Where OpenSSL looks for the roots of the system.
private struct SystemRoots: Sendable {
    let file: String?
    let isFileChosen: Bool
    let directory: String?
    let isDirectoryChosen: Bool

    /// Asked for once: reading the environment is not safe beside another thread that changes it.
    static let current = SystemRoots()

    private init() {
        let file = Self.environment(X509_get_default_cert_file_env())
        let directory = Self.environment(X509_get_default_cert_dir_env())
        self.file = file ?? X509_get_default_cert_file().map { String(cString: $0) }
        self.isFileChosen = file != nil
        self.directory = directory ?? X509_get_default_cert_dir().map { String(cString: $0) }
        self.isDirectoryChosen = directory != nil
    }

    private static func environment(_ name: UnsafePointer<CChar>?) -> String? {
        // Like OpenSSL not in a process that has more rights than its user.
        guard let name, getuid() == geteuid(), getgid() == getegid(), let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }

    /// - Returns: what was loaded, in words.
    func load(into store: OpaquePointer, stamps: inout [FileStamp]) throws(WebSocketError) -> String {
        var sources: [String] = []
        if let file, self.isFileChosen || access(file, R_OK) == 0 {
            try self.load(file: file, into: store, stamps: &stamps)
            sources.append(self.isFileChosen ? "SSL_CERT_FILE \(file.printable)" : "file \(file.printable)")
        }
        // Certificates in the directory are read when they are looked for.
        if let directory, X509_STORE_load_path(store, directory) == 1 {
            let name = directory.printable
            sources.append(self.isDirectoryChosen ? "SSL_CERT_DIR \(name)" : "directory \(name)")
        }
        ERR_clear_error()
        return "the system's roots (\(sources.isEmpty ? "there are none" : sources.joined(separator: ", ")))"
    }

    private func load(file: String, into store: OpaquePointer, stamps: inout [FileStamp]) throws(WebSocketError) {
        let option = self.isFileChosen ? "tls.trustRoots from SSL_CERT_FILE" : "tls.trustRoots of the system"
        let content = try FileContent(file, option: option)
        stamps.append(content.stamp)
        let text = PEMText(bytes: content.bytes, origin: "\(option), file \"\(file.printable)\"")
        // A certificate that is there twice is no error to OpenSSL.
        for certificate in try text.certificates() { X509_STORE_add_cert(store, certificate.pointer) }
        ERR_clear_error()
    }
}
