import CLoadServer
import Glibc
import Testing

@testable import nova_bench

/// The load server, on threads of this process, for as long as it lives.
private struct Server {
    static let shared = Result { try Server() }

    let url: String
    let secureURL: String
    let certificate: String

    private init() throws {
        self.certificate = LoadServerProcess.temporaryPath("test.pem")
        guard load_server_use_tls(self.certificate) else { throw BenchmarkError(errno: errno, "cannot set up TLS") }
        let (listener, port) = try Self.listen()
        let (secureListener, securePort) = try Self.listen()
        self.url = "ws://127.0.0.1:\(port)"
        self.secureURL = "wss://127.0.0.1:\(securePort)"
        DetachedThread.run { _ = load_server_run(listener, secureListener) }
    }

    private static func listen() throws -> (listener: Int32, port: UInt16) {
        var port: UInt16 = 0
        let listener = load_server_listen(0, &port)
        guard listener >= 0 else { throw BenchmarkError(errno: errno, "cannot listen") }
        return (listener, port)
    }
}

/// One after another: the plain C client blocks its thread, of which the default executor has few.
@Suite(.serialized) struct ContestantTests {
    /// Without `lws`, which does not share a process with the library's own contexts; `nova-bench check` looks at it.
    private static let contestants = ["c", "nova-handler", "nova-async-loop", "nova-async", "nova-client"]

    @Test(arguments: Self.contestants, [Work.flood, .sink, .echo])
    func aContestantDoesAllThatItSaysItCan(name: String, work: Work) async throws {
        let contestant = try #require(Contestants.named(name))
        let server = try Server.shared.get()
        for size in [16, 1000] {
            for features in Self.subsets(of: contestant.features) {
                let assignment = Assignment(
                    work: work,
                    server: try ServerURL(features.contains(.tls) ? server.secureURL : server.url),
                    size: size,
                    count: 24,
                    isText: features.contains(.text),
                    isCompressed: features.contains(.deflate),
                    connections: features.contains(.connections) ? 3 : 1,
                    certificatePath: server.certificate
                )
                let outcome = try await contestant.perform(assignment)
                #expect(outcome.messages == 24, "\(size) bytes, \(features)")
                #expect(outcome.roundTrips.count == (work == .echo ? 24 : 0), "\(size) bytes, \(features)")
                if work == .flood, let bytes = outcome.bytes {
                    #expect(bytes == 24 * size, "\(size) bytes, \(features)")
                }
            }
        }
    }

    /// None, each by itself, and all of them.
    private static func subsets(of features: Set<Feature>) -> [Set<Feature>] {
        [[], features] + features.map { [$0] }
    }

    @Test func aRelayCountsWhatIsOnTheWire() async throws {
        let relay = try WireRelay(to: try Server.shared.get().url)
        var assignment = Assignment(work: .flood, server: try ServerURL(relay.url), size: 100, count: 0)
        var counts: [Int] = []
        for count in [1000, 3000] {
            let before = relay.bytes
            assignment.count = count
            _ = try await PlainCContestant().perform(assignment)
            counts.append(relay.bytes - before)
        }
        // A frame of 100 bytes has a header of two. The last Close frames may be counted when their client has gone.
        #expect(abs(counts[1] - counts[0] - 2000 * 102) <= 64)
    }
}
