internal import Logging
internal import Synchronization
internal import WebSocketCore

/// The TLS contexts of the process, by configuration.
///
/// Making one reads files and parses certificates, so that happens on threads of their own; connections with an equal
/// configuration share it, on whichever loop they are.
enum TLSContexts {
    typealias Outcome = Result<TLSContext, WebSocketError>

    fileprivate struct Entry: Sendable {
        var context: TLSContext
        var lastUse: UInt64
    }

    fileprivate struct State: Sendable {
        var entries: [TLSConfiguration: Entry] = [:]
        var uses: UInt64 = 0
        /// Who waits for a context that is made or is about to be.
        var waiting: [TLSConfiguration: [@Sendable (Outcome) -> Void]] = [:]
        var queue: [TLSConfiguration] = []
        var threads = 0
    }

    /// How many contexts are kept without a connection that uses them.
    private static let capacity = 16
    /// How many are made at a time. A file system that does not answer takes one each.
    private static let maximumThreads = 4

    private static let state = Mutex(State())
    private static let logger = Logger(label: "websocketnova.tls")

    /// The context of a configuration, if there is one and no file has to be looked at. It does not block.
    static func ready(for configuration: TLSConfiguration) -> TLSContext? {
        let key = Self.key(of: configuration)
        guard TLSContext.needsNoFile(key) else { return nil }
        return Self.state.withLock { $0.find(key) }
    }

    /// Has the context of a configuration made, or its files looked at. The completion is called once, on another thread.
    static func load(_ configuration: TLSConfiguration, completion: @escaping @Sendable (Outcome) -> Void) {
        let key = Self.key(of: configuration)
        let needsThread = Self.state.withLock { state in
            if state.waiting[key] != nil {
                state.waiting[key]?.append(completion)
                return false
            }
            state.waiting[key] = [completion]
            state.queue.append(key)
            guard state.threads < Self.maximumThreads else { return false }
            state.threads += 1
            return true
        }
        guard needsThread else { return }
        let status = spawnThread(named: "nova-tls") { Self.work() }
        if status != 0 { Self.failWaiting("no thread to set TLS up: \(describe(errno: status))") }
    }

    /// The context of a configuration, made if need be. It blocks.
    static func context(for key: TLSConfiguration) throws(WebSocketError) -> TLSContext {
        let known = Self.state.withLock { $0.find(key) }
        if let known, known.isCurrent { return known }
        do throws(WebSocketError) {
            let context = try TLSContext(key)
            Self.state.withLock { $0.keep(context, for: key, capacity: Self.capacity) }
            return context
        } catch {
            // Somebody is in the middle of exchanging the files, or has made a mistake.
            guard let known else { throw error }
            Self.logger.warning(
                "changed TLS files cannot be used; connections go on with what was read before",
                metadata: ["error": "\(error.message)"]
            )
            return known
        }
    }

    /// The name is the connection's own.
    static func key(of configuration: TLSConfiguration) -> TLSConfiguration {
        var key = configuration
        key.serverName = nil
        return key
    }

    private static func work() {
        while let key = Self.next() {
            let outcome: Outcome
            do throws(WebSocketError) {
                outcome = .success(try Self.context(for: key))
            } catch {
                outcome = .failure(error)
            }
            // Who asks from here on has the files looked at again.
            let waiting = Self.state.withLock { $0.waiting.removeValue(forKey: key) } ?? []
            for completion in waiting { completion(outcome) }
        }
    }

    private static func next() -> TLSConfiguration? {
        Self.state.withLock { state in
            guard !state.queue.isEmpty else {
                state.threads -= 1
                return nil
            }
            return state.queue.removeFirst()
        }
    }

    private static func failWaiting(_ reason: String) {
        let orphans = Self.state.withLock { state -> [@Sendable (Outcome) -> Void] in
            state.threads -= 1
            // The threads that do run will take the rest.
            guard state.threads == 0 else { return [] }
            let keys = state.queue
            state.queue = []
            return keys.flatMap { state.waiting.removeValue(forKey: $0) ?? [] }
        }
        for orphan in orphans { orphan(.failure(WebSocketError(.resourceExhausted, reason))) }
    }
}

extension TLSContexts.State {
    mutating func find(_ key: TLSConfiguration) -> TLSContext? {
        self.uses += 1
        self.entries[key]?.lastUse = self.uses
        return self.entries[key]?.context
    }

    /// Keeps a context; the one that was not asked for longest goes, and ends with the last connection that uses it.
    mutating func keep(_ context: TLSContext, for key: TLSConfiguration, capacity: Int) {
        self.uses += 1
        self.entries[key] = TLSContexts.Entry(context: context, lastUse: self.uses)
        guard self.entries.count > capacity else { return }
        if let oldest = self.entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            self.entries.removeValue(forKey: oldest.key)
        }
    }
}
