import Testing
import WebSocketCore
import WebSocketNova

@Suite("The handlers of a ConnectionState")
struct ConnectionStateHandlersTests {
    private var state: ConnectionState { ConnectionState(host: "example.com", port: 443) }

    @Test func `F13 setup makes the handler with its options`() {
        var state = self.state
        state.setupConnectionHandler(CountingHandler.self, options: ["start": 4])
        #expect((state.handlers.connection as? CountingHandler)?.count == 4)
        #expect(state.lastError == nil)
    }

    @Test func `F13 where the initialiser throws the default stands in and the error is recorded`() {
        var state = self.state
        state.setupConnectionHandler(CountingHandler.self, options: ["start": "four"])
        #expect(state.handlers.connection as? CountingHandler == CountingHandler())
        #expect(state.lastError is CountingHandler.BadStart)
    }

    @Test func `F14 updating one handler leaves the others`() {
        var state = self.state
        state.setupConnectionHandler(CountingHandler.self)
        state.updateHandler(.metrics(NoMetrics()))
        #expect(state.handlers.connection is CountingHandler && state.handlers.metrics is NoMetrics)
    }

    @Test func `F14 merging handlers: later ones win, others stay`() throws {
        var state = self.state
        state.setupConnectionHandler(CountingHandler.self)
        var others = HandlerSet()
        others.connection = try CountingHandler(options: ["start": 9])
        others.metrics = NoMetrics()
        state.updateHandlers(others)
        state.updateHandlers(HandlerSet())
        #expect((state.handlers.connection as? CountingHandler)?.count == 9)
        #expect(state.handlers.metrics is NoMetrics)
        state.updateConnectionHandlerState(try CountingHandler(options: ["start": 1]))
        #expect((state.handlers.connection as? CountingHandler)?.count == 1)
    }

    private struct NoMetrics: MetricsHandler {}
}
