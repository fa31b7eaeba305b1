import Glibc

/// A client that is a program of its own, in another language or with dependencies that this package's users should not
/// have: `scripts/rivals` builds them from Benchmarks/Rivals, whose sources name the documentation that each follows.
struct ForeignContestant: Contestant {
    let name: String
    let way: String
    let features: Set<Feature>
    let path: LibraryPath? = nil

    /// By where this source is, so that it does not matter where the program was built to.
    private static let folder =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(separator: "/")
        + "/.build-rivals/bin/"

    private var program: String { Self.folder + self.name }

    var isBuilt: Bool { access(self.program, X_OK) == 0 }

    func perform(_ assignment: Assignment) async throws -> Outcome {
        throw BenchmarkError("\(self.name) is a program of its own")
    }

    /// Replaces this process by the program, so that nothing else is in the process that is measured.
    func becomeProgram(arguments: [String]) throws -> Never {
        let argv = ([self.program] + arguments).map { strdup($0) } + [nil]
        execv(self.program, argv)
        let problem = errno
        argv.forEach { free($0) }
        throw BenchmarkError(errno: problem, "cannot start \(self.program)")
    }
}

extension ForeignContestant {
    static let built = Self.all.filter(\.isBuilt)

    private static let all = [
        ForeignContestant(
            name: "nio",
            way: "SwiftNIO: frame aggregator, channel handler on the event loop; writes while writable, then a flush",
            features: [.text, .tls, .connections]
        ),
        ForeignContestant(
            name: "nio-async",
            way: "SwiftNIO: NIOAsyncChannel on the default executor; a sink by write(contentsOf:)",
            features: [.text, .tls, .connections]
        ),
        ForeignContestant(
            name: "nio-async-loop",
            way: "the same with the event loops as the global executor",
            features: [.text, .tls, .connections]
        ),
        ForeignContestant(
            name: "beast",
            way: "Boost.Beast, blocking: read() into one flat_buffer, write() of whole messages",
            features: [.text, .tls, .deflate]
        ),
        ForeignContestant(
            name: "beast-buffered",
            way: "the same over Asio's buffered streams: for many small messages",
            features: [.text, .tls, .deflate]
        ),
        ForeignContestant(
            name: "picows",
            way: "Python, uvloop, picows' core API: on_ws_frame without a copy, send() until pause_writing",
            features: [.text, .tls, .connections]
        ),
        ForeignContestant(
            name: "websockets",
            way: "Python, uvloop, websockets' asyncio client: async for, await send",
            features: Set(Feature.allCases)
        ),
        ForeignContestant(
            name: "aiohttp",
            way: "Python, uvloop, aiohttp with its C extensions: async for, await send_frame",
            features: Set(Feature.allCases)
        ),
        ForeignContestant(
            name: "gorilla",
            way: "Go, gorilla/websocket: NextReader into one buffer, WriteMessage",
            features: Set(Feature.allCases)
        ),
        ForeignContestant(
            name: "ws",
            way: "Node.js, ws without its native add-ons: 'message' events, send() with 256 KiB waiting",
            features: Set(Feature.allCases)
        ),
    ]
}
