import CPlainClient

/// The plain C client: its header says how it works.
struct PlainCContestant: Contestant {
    let name = "c"
    let way = "blocking socket (several: epoll), 64 KiB reads and writes, own framing, OpenSSL, zlib"
    let path: LibraryPath? = nil
    let features = Set(Feature.allCases)
    /// For tests: echoes are compared with what was sent.
    var verifies = false

    func perform(_ assignment: Assignment) async throws -> Outcome {
        try CClient.perform(assignment, verifies: self.verifies, plain_client_run)
    }
}
