import Testing

@testable import WebSocketNova

@Suite("The registry of clients")
struct ClientRegistryTests {
    private final class Client: Sendable {
        let onEnd: @Sendable () -> Void
        init(onEnd: @escaping @Sendable () -> Void = {}) { self.onEnd = onEnd }
        deinit { self.onEnd() }
    }

    private let registry = ClientRegistry<Client>()
    private let id = ConnectionID(rawValue: 1)

    @Test("F88: a registered client is found by its connection's name, and not by another")
    func find() {
        let client = Client()
        self.registry.register(client, as: self.id)
        #expect(self.registry.find(self.id) === client)
        #expect(self.registry.find(ConnectionID(rawValue: 2)) == nil)
    }

    @Test("F88: registering replaces")
    func replace() {
        let (first, second) = (Client(), Client())
        self.registry.register(first, as: self.id)
        self.registry.register(second, as: self.id)
        #expect(self.registry.find(self.id) === second && self.registry.count == 1)
    }

    @Test("F88: updating replaces what is there, and enters nothing where nothing is")
    func update() {
        let (first, second) = (Client(), Client())
        #expect(!self.registry.update(self.id, to: first))
        #expect(self.registry.find(self.id) == nil)
        self.registry.register(first, as: self.id)
        #expect(self.registry.update(self.id, to: second))
        #expect(self.registry.find(self.id) === second)
        withExtendedLifetime(first) {}
    }

    @Test("F88: unregistering forgets, and may be repeated")
    func unregister() {
        let client = Client()
        self.registry.register(client, as: self.id)
        self.registry.unregister(self.id)
        self.registry.unregister(self.id)
        #expect(self.registry.find(self.id) == nil && self.registry.count == 0)
        withExtendedLifetime(client) {}
    }

    @Test("F88: the end of a client that was replaced leaves its successor")
    func successor() {
        let (first, second) = (Client(), Client())
        self.registry.register(first, as: self.id)
        self.registry.register(second, as: self.id)
        self.registry.unregister(self.id, of: first)
        #expect(self.registry.find(self.id) === second)
        self.registry.unregister(self.id, of: second)
        #expect(self.registry.count == 0)
    }

    @Test("F88: the registry keeps nobody alive, and a client that is gone is neither found nor updated")
    func weakness() {
        var client: Client? = Client()
        if let client { self.registry.register(client, as: self.id) }
        #expect(self.registry.find(self.id) != nil)
        client = nil
        #expect(self.registry.find(self.id) == nil)
        #expect(!self.registry.update(self.id, to: Client()))
    }

    @Test("F88: clients that are gone without a word do not add up, and the live ones stay")
    func bounded() {
        let kept = (0..<100).map { _ in Client() }
        for (number, client) in kept.enumerated() {
            self.registry.register(client, as: ConnectionID(rawValue: UInt64(number)))
        }
        for number in 1000..<20_000 as Range<UInt64> {
            self.registry.register(Client(), as: ConnectionID(rawValue: number))
            #expect(self.registry.count <= 2 * (kept.count + 1) + 1)
        }
        for (number, client) in kept.enumerated() {
            #expect(self.registry.find(ConnectionID(rawValue: UInt64(number))) === client)
        }
    }

    @Test("F88: clients that register, look each other up, end and unregister on many threads do not stop each other")
    func threads() async {
        let registry = self.registry
        await withDiscardingTaskGroup { group in
            for task in 0..<8 as Range<UInt64> {
                group.addTask {
                    for round in 0..<2000 as Range<UInt64> {
                        let id = ConnectionID(rawValue: round % 200)
                        // The last reference may go in the middle of another thread's clearing.
                        let client = Client { registry.unregister(id) }
                        registry.register(client, as: id)
                        _ = registry.find(ConnectionID(rawValue: (round + task) % 200))
                        registry.unregister(id, of: client)
                    }
                }
            }
        }
        for number in 0..<200 as Range<UInt64> { #expect(registry.find(ConnectionID(rawValue: number)) == nil) }
    }
}
