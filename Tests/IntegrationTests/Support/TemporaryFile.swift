import Glibc

/// A file that a test makes, changes and removes.
struct TemporaryFile {
    struct Failure: Error {}

    let path: String

    init(_ bytes: [UInt8]) throws {
        var template = Array("/tmp/websocketnova-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw Failure() }
        close(descriptor)
        self.path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try self.write(bytes)
    }

    /// Puts other bytes in, as another file in its place.
    func write(_ bytes: [UInt8]) throws {
        let new = self.path + ".new"
        guard let file = fopen(new, "w") else { throw Failure() }
        let count = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, count == bytes.count, rename(new, self.path) == 0 else { throw Failure() }
    }

    func remove() { unlink(self.path) }
}
