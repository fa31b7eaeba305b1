import Glibc
import Synchronization

/// A server that plays a script of raw bytes, delays and faults to its clients, and records what they send.
///
/// It knows nothing but TCP, the upgrade and how a frame is written, so it can be as wrong as a test wants it to be. It runs
/// on a thread of its own and listens on a free port of the loopback interface.
///
/// ```swift
/// let server = try ScriptedServer([
///     .acceptUpgrade(following: ScriptedServer.Frame.text("hello").encoded),
///     .receiveFrame,
///     .send(ScriptedServer.Frame(.ping, lengthForm: .sixteenBits)),
///     .waitForEndOfStream,
/// ])
/// … a client of server.url …
/// let transcript = try await server.finished()
/// #expect(transcript.first.request.hasPrefix("GET / HTTP/1.1\r\n"))
/// ```
///
/// After the last step a connection that is still open is closed in order: the stream to the client is ended, and what the
/// client still sends is read and dropped for at most a second, so that no reset overtakes the bytes on their way.
///
/// Nothing waits forever: when the deadline passes, the connection is closed and ``finished()`` throws an error that names
/// the step in which the script was.
public final class ScriptedServer: Sendable {
    /// The port on which the server listens; 0 with a Unix socket.
    public let port: Int
    /// The Unix socket at which the server listens, if it does not listen on a port.
    public let unixPath: String?
    /// `ws://127.0.0.1:port/`, or `ws+unix:path`.
    public var url: String { self.unixPath.map { "ws+unix:\($0)" } ?? "ws://127.0.0.1:\(self.port)/" }

    private let player: ScriptPlayer
    private let thread: ServerThread

    /// Starts a server that plays one script to one client.
    ///
    /// - Parameters:
    ///   - deadline: how long the whole script may take, the wait for the client included. Default: 30 seconds.
    ///   - unixPath: where to listen in place of a port: the path of a Unix socket, which must not exist and is removed at the
    ///     end, or `@` and a name in the abstract namespace. Default: nil.
    /// - Throws: ``TestServerError`` if there is no port or no thread.
    public convenience init(
        _ script: [Step],
        deadline: Duration = .seconds(30),
        unixPath: String? = nil
    ) throws {
        try self.init(scripts: [script], deadline: deadline, unixPath: unixPath)
    }

    /// Starts a server that plays a script to each of several clients: the first script to the first client that connects,
    /// and when that script has ended the second to the next, as a client needs that connects again.
    ///
    /// - Parameters:
    ///   - deadline: how long all of it may take. Default: 30 seconds.
    ///   - unixPath: where to listen in place of a port. Default: nil.
    /// - Throws: ``TestServerError`` if there is no port or no thread.
    public init(scripts: [[Step]], deadline: Duration = .seconds(30), unixPath: String? = nil) throws {
        let player = try ScriptPlayer(scripts: scripts, deadline: deadline, unixPath: unixPath)
        self.unixPath = unixPath
        self.thread = try ServerThread.start(name: "nova-script") { player.run() }
        self.player = player
        self.port = player.port
    }

    deinit {
        self.player.stop()
        self.thread.detach()
        if let unixPath, !unixPath.hasPrefix("@") { unlink(unixPath) }
    }

    /// Waits until every script has ended, and tells what was seen.
    ///
    /// - Throws: ``TestServerError`` if a step failed, the deadline passed or ``stop()`` was called before the end; the
    ///   message names the connection and the step. Cancelling the task does not end the wait; the deadline does.
    public func finished() async throws -> Transcript {
        await self.player.ended()
        return try self.player.outcome()
    }

    /// What has been seen up to now.
    public var transcript: Transcript { self.player.transcript }

    /// Lets the step ``Step/pause(until:)`` of this name go on, now or when the script comes to it.
    public func proceed(_ name: String) {
        self.player.proceed(name)
    }

    /// Waits until the script has come to the step ``Step/mark(_:)`` of this name.
    ///
    /// - Throws: ``TestServerError`` if the script ended without it.
    public func reached(_ name: String) async throws {
        try await self.player.reached(name)
    }

    /// Ends the script wherever it is and closes the connection; the port is free and the thread gone when this returns. May
    /// be called more than once, and after the script's end.
    public func stop() async {
        self.player.stop()
        await self.thread.join()
    }
}

/// Runs the body with a ``ScriptedServer`` that is stopped when the body returns or throws.
public func withScriptedServer<Result>(
    _ script: [ScriptedServer.Step],
    deadline: Duration = .seconds(30),
    unixPath: String? = nil,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (ScriptedServer) async throws -> Result
) async throws -> Result {
    let server = try ScriptedServer(script, deadline: deadline, unixPath: unixPath)
    do {
        let result = try await body(server)
        await server.stop()
        return result
    } catch {
        await server.stop()
        throw error
    }
}
