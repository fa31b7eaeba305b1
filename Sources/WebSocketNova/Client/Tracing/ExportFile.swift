internal import Glibc
internal import WebSocketCore

/// Writes a file into a directory that others may write to as well. It blocks: not on a loop, nor on an actor.
///
/// Each directory on the way is opened from the one before, and no symbolic link is followed there, so that exchanging one
/// between the check and the use leads nowhere else. The file appears whole or not at all: it is written under another name
/// and renamed, and a symbolic link in its place is replaced, not followed.
enum ExportFile {
    /// - Throws: `unsafe_path` if a directory on the way is a symbolic link or no directory; `export_failed` if the system
    ///   refuses something.
    static func write(_ text: String, to path: ExportPath) throws(WebSocketError) {
        var directory = try self.openBase(path)
        defer { close(directory) }
        for component in path.components.dropLast() {
            let next = try self.open(component, in: directory, path)
            close(directory)
            directory = next
        }
        guard let name = path.components.last else { return }
        let temporary = ".nova-\(UInt64.random(in: 0...UInt64.max)).tmp"
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let file = openat(directory, temporary, flags, 0o600)
        guard file >= 0 else { throw self.failure(path, errno) }
        var problem = self.fill(file, Array(text.utf8))
        // Some file systems tell of a failed write only now.
        if close(file) != 0, problem == 0 { problem = errno }
        if problem == 0, renameat(directory, temporary, directory, name) != 0 { problem = errno }
        guard problem != 0 else { return }
        unlinkat(directory, temporary, 0)
        throw self.failure(path, problem)
    }

    /// The working directory; `/` if it is not there any more.
    static func workingDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    /// Opens the export directory. What lies above it is the configuration's business, symbolic links included.
    private static func openBase(_ path: ExportPath) throws(WebSocketError) -> Int32 {
        var name = "/"
        for component in path.directory {
            name += component + "/"
            // Histories name hosts: what is made is for the user alone, what is there stays as it is.
            guard mkdir(name, 0o700) != 0, errno != EEXIST else { continue }
            let problem = errno
            guard access(name, F_OK) == 0 else { throw self.failure(path, problem) }
        }
        let directory = Glibc.open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw self.failure(path, errno) }
        return directory
    }

    private static func open(
        _ component: String,
        in parent: Int32,
        _ path: ExportPath
    ) throws(WebSocketError) -> Int32 {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        var directory = openat(parent, component, flags)
        if directory < 0, errno == ENOENT {
            guard mkdirat(parent, component, 0o700) == 0 || errno == EEXIST else { throw self.failure(path, errno) }
            directory = openat(parent, component, flags)
        }
        guard directory >= 0 else {
            let problem = errno
            guard problem == ELOOP || problem == ENOTDIR else { throw self.failure(path, problem) }
            throw WebSocketError(
                .unsafePath,
                "the path \"\(self.shown(path))\" leads through \"\(component.printable)\", which is a symbolic link or no directory"
            )
        }
        return directory
    }

    /// - Returns: 0 or an errno.
    private static func fill(_ file: Int32, _ bytes: [UInt8]) -> Int32 {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress.map { $0 + done }, $0.count - done) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return errno }
            done += count
        }
        // Otherwise a power failure could leave the new name with nothing behind it.
        return fsync(file) == 0 ? 0 : errno
    }

    private static func shown(_ path: ExportPath) -> String {
        ("/" + (path.directory + path.components).joined(separator: "/")).printable
    }

    private static func failure(_ path: ExportPath, _ code: Int32) -> WebSocketError {
        WebSocketError(.exportFailed, "\"\(self.shown(path))\": \(describe(errno: code))")
    }
}
