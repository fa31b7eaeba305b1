internal import DequeModule
internal import WebSocketCore

/// The requests that wait for their answers. No clock: who gives a request a time limit takes it out when that has passed.
struct PendingRequests: Sendable {
    /// Names a request.
    struct ID: Sendable, Hashable {
        var rawValue: UInt64
    }

    /// Where in a message its correlation id stands.
    typealias Path = any KeyPath<JSONValue, JSONValue?> & Sendable

    /// How the answer is known.
    enum Correlation: Sendable {
        /// By a value that request and answer have in the same place.
        case id(Path, JSONValue)
        /// By whatever a function says, which may throw to have the request fail.
        case matcher(@Sendable (ReceivedMessage) throws -> RequestMatch)
    }

    /// What a message is.
    enum Outcome {
        /// No answer to anything.
        case unrelated
        case answer(ID)
        case failure(ID, any Error)
        /// The answer to a request that has been given up: for nobody.
        case late
    }

    private struct Key: Sendable, Hashable {
        var path: any AnyKeyPath & Sendable
        var value: JSONValue

        static func == (left: Key, right: Key) -> Bool { left.path == right.path && left.value == right.value }

        func hash(into hasher: inout Hasher) {
            hasher.combine(self.path)
            hasher.combine(self.value)
        }
    }

    private var byKey: [Key: ID] = [:]
    private var keys: [ID: Key] = [:]
    /// The places where ids stand, with the number of requests, present or given up, for which that is so.
    private var paths: [(path: Path, count: Int)] = []
    private var matchers: Deque<(id: ID, matches: @Sendable (ReceivedMessage) throws -> RequestMatch)> = []
    /// Ids of requests that were given up, the oldest first: their answers may still come.
    private var givenUp: Deque<(key: Key, path: Path)> = []
    private var givenUpKeys: Set<Key> = []
    private var made: UInt64 = 0
    /// How many answers that nobody waits for any more are still known.
    private static let maximumGivenUp = 1024

    /// How many wait.
    var count: Int { self.keys.count + self.matchers.count }

    /// Whether no message needs to be looked at.
    var isEmpty: Bool { self.keys.isEmpty && self.matchers.isEmpty && self.givenUp.isEmpty }

    /// Adds a request.
    ///
    /// - Throws: `invalid_message` if another one with this id waits.
    mutating func add(_ correlation: Correlation) throws(WebSocketError) -> ID {
        let id = ID(rawValue: self.made + 1)
        switch correlation {
        case .id(let path, let value):
            let key = Key(path: path, value: value)
            guard self.byKey[key] == nil else {
                throw WebSocketError(.invalidMessage, "another request with the id \(value) waits for its answer")
            }
            self.forgive(key)
            self.byKey[key] = id
            self.keys[id] = key
            self.use(path)
        case .matcher(let matches):
            self.matchers.append((id, matches))
        }
        self.made += 1
        return id
    }

    /// Says what a message answers. A request that is answered, or has failed, is taken out.
    mutating func received(_ message: ReceivedMessage) -> Outcome {
        for (path, _) in self.paths {
            guard let value = message.json[keyPath: path] else { continue }
            let key = Key(path: path, value: value)
            if let id = self.byKey[key] {
                self.remove(id)
                return .answer(id)
            }
            if self.givenUpKeys.contains(key) {
                self.forgive(key)
                return .late
            }
        }
        for (index, (id, matches)) in self.matchers.enumerated() {
            do {
                guard try matches(message) == .answer else { continue }
                self.matchers.remove(at: index)
                return .answer(id)
            } catch {
                self.matchers.remove(at: index)
                return .failure(id, error)
            }
        }
        return .unrelated
    }

    /// Takes a request out that was not sent: there will be no answer to it.
    mutating func withdraw(_ id: ID) { self.remove(id) }

    /// Gives a request up. An answer that comes to it by its id later is known for one.
    mutating func giveUp(_ id: ID) {
        let path = self.keys[id].flatMap { key in self.paths.first { $0.path as AnyKeyPath == key.path } }?.path
        guard let key = self.remove(id), let path else { return }
        if self.givenUp.count >= Self.maximumGivenUp, let oldest = self.givenUp.popFirst() {
            self.givenUpKeys.remove(oldest.key)
            self.leave(oldest.path)
        }
        self.givenUp.append((key, path))
        self.givenUpKeys.insert(key)
        self.use(path)
    }

    /// All of them, which are to fail: the connection on which they were made has ended, and with it late answers.
    mutating func removeAll() -> [ID] {
        let all = (Array(self.keys.keys) + self.matchers.map(\.id)).sorted { $0.rawValue < $1.rawValue }
        let made = self.made
        self = PendingRequests()
        self.made = made
        return all
    }

    @discardableResult
    private mutating func remove(_ id: ID) -> Key? {
        if let key = self.keys.removeValue(forKey: id) {
            self.byKey.removeValue(forKey: key)
            self.paths.first { $0.path as AnyKeyPath == key.path }.map { self.leave($0.path) }
            return key
        }
        self.matchers.removeAll { $0.id == id }
        return nil
    }

    private mutating func forgive(_ key: Key) {
        guard self.givenUpKeys.remove(key) != nil else { return }
        guard let index = self.givenUp.firstIndex(where: { $0.key == key }) else { return }
        self.leave(self.givenUp.remove(at: index).path)
    }

    private mutating func use(_ path: Path) {
        if let index = self.paths.firstIndex(where: { $0.path as AnyKeyPath == path as AnyKeyPath }) {
            self.paths[index].count += 1
        } else {
            self.paths.append((path, 1))
        }
    }

    private mutating func leave(_ path: Path) {
        guard let index = self.paths.firstIndex(where: { $0.path as AnyKeyPath == path as AnyKeyPath }) else { return }
        self.paths[index].count -= 1
        if self.paths[index].count == 0 { self.paths.remove(at: index) }
    }
}
