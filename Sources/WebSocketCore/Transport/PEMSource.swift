extension TLSConfiguration {
    /// Where a certificate or a key in PEM comes from.
    public struct PEMSource: Sendable, Hashable {
        package enum Storage: Sendable {
            case file(String)
            case bytes([UInt8])
        }

        package var storage: Storage

        /// A file, by its path.
        public static func file(_ path: String) -> PEMSource { PEMSource(storage: .file(path)) }

        /// The text itself.
        public static func pem(_ bytes: [UInt8]) -> PEMSource { PEMSource(storage: .bytes(bytes)) }

        package var path: String? {
            if case .file(let path) = self.storage { path } else { nil }
        }
    }
}

extension TLSConfiguration.PEMSource.Storage: Hashable {
    /// Of bytes, their end stands for all: a bundle of roots has a quarter of a megabyte, and every opening looks its
    /// configuration up. (Equality of an array with itself costs nothing.)
    package func hash(into hasher: inout Hasher) {
        switch self {
        case .file(let path):
            hasher.combine(path)
        case .bytes(let bytes):
            hasher.combine(bytes.count)
            hasher.combine(bytes.suffix(128))
        }
    }
}

extension TLSConfiguration.PEMSource: CustomStringConvertible, CustomReflectable {
    /// The file's path or the number of bytes, never the bytes: they may be a key.
    public var description: String {
        switch self.storage {
        case .file(let path): "file \"\(path)\""
        case .bytes(let bytes): "\(bytes.count) bytes of PEM"
        }
    }

    /// Nothing, so that no dump of a configuration shows a key.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
