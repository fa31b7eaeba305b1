internal import LWSTransport
public import WebSocketCore

/// The one directory into which histories are written, below which a path must be.
///
/// It defends against paths that come from somewhere else, a request for example: none leads out of the directory, by `..`, as
/// an absolute path or through a symbolic link.
public struct ExportDirectory: Sendable, Hashable {
    /// The directory, without any component `..`; a relative one begins at the working directory. It may be a symbolic link.
    /// Default: `exports/`.
    public var path: String

    /// Names a directory, which is made when something is written to it.
    public init(_ path: String = "exports/") {
        self.path = path
    }

    /// Writes a history as JSON. A file that has the name is replaced in one step; missing directories are made.
    ///
    /// The file is readable and writable for its owner only. It is written on a thread that may block. Cancelling the task
    /// does not keep it from being written.
    ///
    /// - Parameter path: ends in `.json`, and is below the directory, for example `exports/today/feed.json`.
    /// - Throws: `unsafe_path` that names the path; `export_failed` with the system's reason; `resource_exhausted` if there
    ///   is no thread.
    public func write(_ trace: ConnectionTrace, to path: String) async throws(WebSocketError) {
        let directory = self.path
        try await FileThread.run { () throws(WebSocketError) in
            let place = try ExportPath(path, in: directory, workingDirectory: ExportFile.workingDirectory())
            try ExportFile.write(try trace.json(), to: place)
        }
    }
}
