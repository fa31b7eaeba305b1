import WebSocketNova

/// A handler whose initialiser can fail, for the tests of what installs handlers.
struct CountingHandler: ConnectionHandler, Equatable {
    struct BadStart: Error {}

    var count = 0

    init() {}

    init(options: HandlerOptions) throws {
        guard let start = options["start"] else { return }
        guard let count = start.integer else { throw BadStart() }
        self.count = Int(count)
    }
}
