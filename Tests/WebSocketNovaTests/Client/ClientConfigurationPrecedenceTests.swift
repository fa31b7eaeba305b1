import Testing
import WebSocketCore

@testable import WebSocketNova

/// F75: the library's defaults, the adapter, the client that is made for one service, the user: the last one who sets
/// something has it.
@Suite("The precedence of what is configured")
struct ClientConfigurationPrecedenceTests {
    /// Who of the three that may set something does; the library does where it has a default.
    struct Hands: OptionSet, Hashable, Sendable, CustomTestStringConvertible {
        var rawValue: Int

        static let adapter = Hands(rawValue: 1)
        static let client = Hands(rawValue: 2)
        static let user = Hands(rawValue: 4)
        static let all = (0..<8).map(Hands.init(rawValue:))

        var last: Hands? { [.user, .client, .adapter].first { self.contains($0) } }

        var testDescription: String {
            let names = [(Hands.adapter, "adapter"), (.client, "client"), (.user, "user")]
            return names.filter { self.contains($0.0) }.map(\.1).joined(separator: "+")
        }
    }

    /// Sets both values, one that has a default and one that has none.
    struct SetsTimes: Adapter {
        var time: Duration?

        func configure(_ configuration: inout ClientConfiguration) {
            Self.set(&configuration, self.time)
        }

        static func set(_ configuration: inout ClientConfiguration, _ time: Duration?) {
            guard let time else { return }
            configuration.requestTimeout = time
            configuration.webSocket.deadlines.idle = time
        }
    }

    private static func time(of hand: Hands) -> Duration { .seconds(100 + hand.rawValue) }

    @Test(arguments: Hands.all)
    func `F75 a value is the last one's who sets it, with a default of the library and without`(hands: Hands) throws {
        func time(_ hand: Hands) -> Duration? { hands.contains(hand) ? Self.time(of: hand) : nil }
        let configuration = try ClientConfiguration.resolve(adapter: SetsTimes(time: time(.adapter))) {
            SetsTimes.set(&$0, time(.client))
        } user: {
            SetsTimes.set(&$0, time(.user))
        }
        let last = hands.last.map(Self.time)
        #expect(configuration.requestTimeout == last ?? .seconds(30))
        #expect(configuration.webSocket.deadlines.idle == last)
    }

    @Test(arguments: HandlerSlot.all, Hands.all)
    func `F75 a handler is the last one's who sets it`(slot: HandlerSlot, hands: Hands) throws {
        func resolve(_ adapter: some Adapter) throws -> ClientConfiguration {
            try ClientConfiguration.resolve(adapter: adapter) {
                if hands.contains(.client) { slot.set(&$0.handlers, EveryHandler(tag: "client")) }
            } user: {
                if hands.contains(.user) { slot.set(&$0.handlers, EveryHandler(tag: "user")) }
            }
        }
        let configuration = try hands.contains(.adapter) ? resolve(EveryHandler(tag: "adapter")) : resolve(Bare())
        let handler = slot.get(configuration.handlers)
        switch hands.last {
        case .user: #expect((handler as? EveryHandler)?.tag == "user")
        case .client: #expect((handler as? EveryHandler)?.tag == "client")
        case .adapter: #expect(handler is any AdapterHandler)
        default: #expect(handler.map { "\(type(of: $0))" } == slot.get(.standard).map { "\(type(of: $0))" })
        }
    }

    @Test func `W20 what is not mentioned keeps its default`() throws {
        let configuration = try ClientConfiguration.resolve(adapter: Bare(url: "wss://a.example/")) {
            try $0.apply(["path": nil, "retry": nil])
        }
        #expect(configuration.url == "wss://a.example/")
        #expect((configuration.handlers.error as? DefaultErrorHandler)?.backoff == Backoff())
    }

    @Test func `F75 an option of the user comes before that of the adapter, which keeps the others`() throws {
        struct Service: Adapter {
            func configure(_ configuration: inout ClientConfiguration) throws {
                try configuration.apply(["host": "service.example", "port": 8443, "path": "/v2", "retry": 9])
            }
        }
        let configuration = try ClientConfiguration.resolve(adapter: Service()) {
            try $0.apply(["port": 9443, "retry": 3])
        } user: {
            try $0.apply(["host": "test.example", "transport": "tcp"])
        }
        #expect(configuration.url == "ws://test.example:9443/v2")
        #expect((configuration.handlers.error as? DefaultErrorHandler)?.backoff.limit == .limit(3))
    }

    @Test func `an adapter can give its own handlers another setting in configure`() throws {
        struct Service: Adapter, ErrorHandler {
            func configure(_ configuration: inout ClientConfiguration) throws {
                configuration.handlers.error = DefaultErrorHandler(backoff: Backoff(growth: .linear))
            }
        }
        let configuration = try ClientConfiguration.resolve(adapter: Service())
        #expect((configuration.handlers.error as? DefaultErrorHandler)?.backoff.growth == .linear)
    }
}
