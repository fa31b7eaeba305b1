import CLwsClient

/// libwebsockets' own WebSocket role in C: the header of the client says how it works, and why it does not compress.
struct LwsContestant: Contestant {
    let name = "lws"
    let way = "libwebsockets' WebSocket role: receive callback, one lws_write per writeable callback, poll loop"
    let path: LibraryPath? = nil
    let features: Set<Feature> = [.text, .tls, .connections]
    /// For tests: echoes are compared with what was sent.
    var verifies = false

    func perform(_ assignment: Assignment) async throws -> Outcome {
        try CClient.perform(assignment, verifies: self.verifies, lws_client_run)
    }
}
