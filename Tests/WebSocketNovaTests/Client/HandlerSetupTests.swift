import Testing
import WebSocketCore
import WebSocketNova

@Suite("Setting up each kind of handler")
struct HandlerSetupTests {
    struct Setup: Sendable, CustomTestStringConvertible {
        var slot: HandlerSlot
        var run: @Sendable (inout ConnectionState, HandlerOptions) -> Void
        var testDescription: String { self.slot.testDescription }
    }

    static let setups: [Setup] = HandlerSlot.all.compactMap { slot in
        switch slot.testDescription {
        case "connection":
            Setup(slot: slot) { $0.setupConnectionHandler(EveryHandler.self, options: $1) }
        case "message": Setup(slot: slot) { $0.setupMessageHandler(EveryHandler.self, options: $1) }
        case "error": Setup(slot: slot) { $0.setupErrorHandler(EveryHandler.self, options: $1) }
        case "logging": Setup(slot: slot) { $0.setupLoggingHandler(EveryHandler.self, options: $1) }
        case "subscription":
            Setup(slot: slot) { $0.setupSubscriptionHandler(EveryHandler.self, options: $1) }
        case "auth": Setup(slot: slot) { $0.setupAuthHandler(EveryHandler.self, options: $1) }
        default: nil
        }
    }

    @Test(arguments: setups)
    func `F13 each setup installs the type with its state in its place alone`(setup: Setup) {
        #expect(Self.setups.count == 6)
        var state = ConnectionState(host: "example.com", port: 443)
        setup.run(&state, ["tag": "given"])
        #expect((setup.slot.get(state.handlers) as? EveryHandler)?.tag == "given")
        #expect(state.lastError == nil)
        for other in HandlerSlot.all where other.testDescription != setup.testDescription {
            #expect(other.get(state.handlers) == nil)
        }
    }

    @Test(arguments: setups)
    func `F13 where an initialiser throws its default stands in and the error is recorded`(setup: Setup) {
        var state = ConnectionState(host: "example.com", port: 443)
        setup.run(&state, ["tag": 4])
        #expect((setup.slot.get(state.handlers) as? EveryHandler)?.tag == "")
        #expect(state.lastError as? EveryHandler.Refusal == EveryHandler.Refusal())
    }

    @Test func `F13 an adapter's conformances are set up by the adapter's initialiser`() throws {
        var handlers = HandlerSet(adapter: try EveryHandler(options: ["tag": "made"]))
        #expect(handlers.adapter(as: EveryHandler.self)?.tag == "made")
        handlers.install(EveryHandler())
        #expect(handlers.adapter(as: EveryHandler.self)?.tag == "")
    }
}
