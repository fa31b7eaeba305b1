import Glibc

/// A directory of a test's own, and looks into it.
enum TemporaryDirectory {
    struct Failure: Error {}

    /// Makes a directory and removes it, with all that is in it, behind the body.
    static func with(_ body: (String) async throws -> Void) async throws {
        var template = Array("/tmp/websocketnova-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure() }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { self.remove(path) }
        try await body(path)
    }

    static func text(_ path: String) throws -> String {
        guard let file = fopen(path, "r") else { throw Failure() }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    static func put(_ text: String, _ path: String) throws {
        guard let file = fopen(path, "w") else { throw Failure() }
        let count = fwrite(text, 1, text.utf8.count, file)
        guard fclose(file) == 0, count == text.utf8.count else { throw Failure() }
    }

    /// The permissions of a file, nil if it is not there.
    static func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    /// What is in a directory, sorted.
    static func names(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func remove(_ path: String) {
        var status = stat()
        // A link is not followed.
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            for name in self.names(path) { self.remove("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}
