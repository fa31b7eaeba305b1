internal import WebSocketCore

/// Where below a directory a file is to be written, as far as its name can tell.
///
/// Only names are compared here, as every file API takes them: a relative path begins at the working directory. That no
/// symbolic link leads elsewhere can only be seen by going there: see ``ExportFile``.
struct ExportPath: Equatable {
    /// The directory, from the root.
    let directory: [String]
    /// The directories below it, and the file. Never empty.
    let components: [String]

    /// - Throws: `unsafe_path` that names the path, unless it ends in `.json`, contains no component `..` and begins with
    ///   the directory.
    init(_ path: String, in directory: String, workingDirectory: String) throws(WebSocketError) {
        func refusal(_ words: String) -> WebSocketError {
            WebSocketError(.unsafePath, "the path \"\(path.printable)\" \(words)")
        }
        guard !path.utf8.contains(0), !directory.utf8.contains(0) else { throw refusal("contains a NUL") }
        // By bytes: in terms of characters, a combining mark could follow.
        guard path.utf8.suffix(5).elementsEqual(".json".utf8) else { throw refusal("does not end in .json") }
        let file = Self.components(path, workingDirectory)
        let base = Self.components(directory, workingDirectory)
        guard !directory.isEmpty, !base.contains("..") else {
            throw refusal("has no export directory: \"\(directory.printable)\" is empty or contains \"..\"")
        }
        guard !file.contains("..") else { throw refusal("contains \"..\"") }
        guard file.count > base.count, zip(file, base).allSatisfy({ $0.utf8.elementsEqual($1.utf8) }) else {
            throw refusal("is not in the export directory \"\(directory.printable)\"")
        }
        self.directory = base
        self.components = Array(file.dropFirst(base.count))
    }

    private static func components(_ path: String, _ workingDirectory: String) -> [String] {
        let absolute = path.utf8.first == UInt8(ascii: "/") ? path : workingDirectory + "/" + path
        return absolute.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }.filter { $0 != "." }
    }
}
