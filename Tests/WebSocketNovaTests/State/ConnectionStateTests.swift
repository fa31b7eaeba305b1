import Testing
import WebSocketCore
import WebSocketNova

@Suite("ConnectionState")
struct ConnectionStateTests {
    private static let connection = ConnectionID(rawValue: 7)
    private let first = StreamRef(connection: Self.connection, generation: 1)
    private let second = StreamRef(connection: Self.connection, generation: 2)

    private func state(_ change: (inout ConnectionOptions) -> Void = { _ in }) -> ConnectionState {
        var options = ConnectionOptions()
        change(&options)
        return ConnectionState(host: "example.com", port: 443, options: options)
    }

    /// Every field, for comparison.
    private func fields(_ state: ConnectionState) -> [String] {
        [
            state.host, "\(state.port)", "\(state.transport)", state.path, "\(state.webSocketOptions)",
            "\(state.options)", "\(state.status)", "\(String(describing: state.transportID))",
            "\(state.transportMonitor.map { ObjectIdentifier($0).hashValue } ?? 0)",
            "\(state.listener.map { ObjectIdentifier($0).hashValue } ?? 0)", "\(String(describing: state.lastError))",
            "\(state.activeStreams.sorted { $0.key.generation < $1.key.generation })",
            "\(state.clientConnections.keys)", "\(state.handlers)",
        ]
    }

    @Test func `neither print nor dump shows a query or the value of a header`() throws {
        var state = self.state {
            $0.path = "/feed?token=s3cret"
            $0.setHeaders(["X-Api-Key": "s3cret"])
        }
        let data = StreamInfo.Data(path: "/feed?token=s3cret", subprotocol: "json")
        state.addActiveStream(
            StreamRef(connection: ConnectionID(rawValue: 1), generation: 1),
            StreamInfo(.websocket, data: data)
        )
        var dumped = ""
        dump(state, to: &dumped)
        for text in ["\(state)", String(reflecting: state), dumped] {
            #expect(!text.contains("s3cret"))
            for shown in ["example.com", "443", "/feed?...", "X-Api-Key", "json", "websocket", "initialized"] {
                #expect(text.contains(shown), "\(shown) is missing in \(text)")
            }
        }
    }

    @Test func `F01 a new state has the defaults`() {
        let state = ConnectionState.new(host: "example.com", port: 443)
        #expect(state.host == "example.com")
        #expect(state.port == 443)
        #expect(state.transport == .tls)
        #expect(state.path == "/ws")
        #expect(state.webSocketOptions == ConnectionOptions.WebSocketOptions())
        #expect(state.status == .initialized)
        #expect(state.options == ConnectionOptions())
        #expect(state.transportID == nil)
        #expect(state.transportMonitor == nil)
        #expect(state.listener == nil)
        #expect(state.lastError == nil)
        #expect(state.activeStreams.isEmpty)
        #expect(state.clientConnections.isEmpty)
        #expect(state.handlers.isEmpty)
    }

    @Test func `F02 a new state keeps the thirteen options and no others`() throws {
        #expect(ConnectionOptions.Key.allCases.count == 13)
        let options = try ConnectionOptions([
            "host": "a.example", "port": 8443, "transport": "tcp", "path": "/feed",
            "ws_opts": ["compress": true, "subprotocols": ["v1"]], "protocols": ["http"],
            "transport_opts": ["timeout": 2000, "verify": false], "retry": 7, "backoff_type": "jittered",
            "base_backoff": 250, "headers": ["X-One": "1"], "rate_limiter": "bucket", "unknown": "dropped",
        ])
        let state = ConnectionState(host: "b.example", port: 80, options: options)
        #expect(state.options == options)
        #expect(state.host == "b.example" && state.options.host == "a.example")
        #expect(state.transport == .tcp && state.path == "/feed")
        #expect(state.webSocketOptions.compresses && state.webSocketOptions.subprotocols == ["v1"])
        #expect(options.transportOptions.timeout == .seconds(2) && !options.transportOptions.verifiesPeer)
        #expect(options.retry == .limit(7) && options.backoff == .jittered && options.baseBackoff == .milliseconds(250))
        #expect(options.headers["x-one"] == "1" && options.rateLimiter == "bucket" && options.port == 8443)
    }

    @Test func `F03 secrets and subscriptions among the options do not get in`() throws {
        let options = try ConnectionOptions([
            "auth_status": "authenticated", "access_token": "s3cret", "subscriptions": ["trades"],
            "adapter_state": ["token": "s3cret"], "reconnect_attempts": 3, "transport": "tls",
            "headers": ["Authorization": "Bearer s3cret", "cookie": "id=s3cret", "X-Two": "2"],
        ])
        let state = ConnectionState(host: "example.com", port: 443, options: options)
        var dump = ""
        Swift.dump(state, to: &dump)
        #expect(!dump.contains("s3cret") && !dump.contains("trades"))
        #expect(state.options.headers.map(\.name) == ["X-Two"])
    }

    @Test func `F04 the listener comes from the options and can be changed`() {
        let listener = EventListener { _ in }
        var state = self.state { $0.listener = listener }
        #expect(state.listener == listener)
        let other = EventListener { _ in }
        state.updateListener(other)
        #expect(state.listener == other)
        state.updateListener(nil)
        #expect(state.listener == nil)
    }

    @Test(arguments: ConnectionStatus.allCases)
    func `F05 every status can be stored after every other`(status: ConnectionStatus) {
        for before in ConnectionStatus.allCases {
            var state = self.state()
            state.updateStatus(before)
            state.updateStatus(status)
            #expect(state.status == status)
        }
    }

    @Test func `F06 transport and watch take values and nil`() {
        var state = self.state()
        state.updateTransportID(TransportID(rawValue: 3))
        #expect(state.transportID == TransportID(rawValue: 3))
        state.updateTransportID(nil)
        #expect(state.transportID == nil)
        let monitor = TransportMonitor()
        state.updateTransportMonitor(monitor)
        #expect(state.transportMonitor == monitor)
        state.updateTransportMonitor(nil)
        #expect(state.transportMonitor == nil)
        #expect(!monitor.isCancelled)
    }

    @Test func `F07 an error is recorded unchanged and replaces the one before`() {
        struct Refused: Error, Equatable { var host: String }
        var state = self.state()
        state.recordError(WebSocketError(.timedOut, "first"))
        state.recordError(Refused(host: "example.com"))
        #expect(state.lastError as? Refused == Refused(host: "example.com"))
    }

    @Test func `F08 updating a stream adds and overwrites it`() {
        var state = self.state()
        state.updateStream(self.first, .upgrading)
        #expect(state.activeStreams == [self.first: .upgrading])
        state.updateStream(self.first, .websocket)
        #expect(state.activeStreams == [self.first: .websocket])
    }

    @Test func `F09 a stream is added with a status or with data`() {
        var state = self.state()
        let detailed = StreamInfo(.websocket, data: StreamInfo.Data(path: "/ws", subprotocol: "v1"))
        state.addActiveStream(self.first, .upgrading)
        state.addActiveStream(self.second, detailed)
        #expect(state.activeStreams == [self.first: .upgrading, self.second: detailed])
    }

    @Test func `F10 removing streams ignores those that are not there`() {
        var state = self.state()
        state.addActiveStream(self.first, .websocket)
        state.removeStream(self.second)
        #expect(state.activeStreams.count == 1)
        state.removeStreams([self.second, self.first, self.first])
        #expect(state.activeStreams.isEmpty)
        state.removeStream(self.first)
        #expect(state.activeStreams.isEmpty)
    }

    @Test func `F11 all streams are cleared or replaced`() {
        var state = self.state()
        state.addActiveStream(self.first, .websocket)
        state.updateActiveStreams([self.second: .closing])
        #expect(state.activeStreams == [self.second: .closing])
        state.clearAllStreams()
        #expect(state.activeStreams.isEmpty)
    }

    @Test func `F12 preparing for termination clears streams, transport, watch and status, and nothing else`() {
        var state = self.state { $0.listener = EventListener { _ in } }
        state.updateStatus(.websocketConnected)
        state.updateTransportID(TransportID(rawValue: 1))
        let monitor = TransportMonitor()
        state.updateTransportMonitor(monitor)
        state.addActiveStream(self.first, .websocket)
        state.recordError(WebSocketError(.timedOut, "late"))
        state.setupConnectionHandler(CountingHandler.self, options: ["start": 4])
        var expected = state
        state.prepareForTermination()
        #expect(!monitor.isCancelled)
        #expect(state.status == .closed && state.activeStreams.isEmpty)
        #expect(state.transportID == nil && state.transportMonitor == nil)
        expected.updateStatus(.closed)
        expected.updateTransportID(nil)
        expected.updateTransportMonitor(nil)
        expected.clearAllStreams()
        #expect(self.fields(state) == self.fields(expected))
    }

    @Test func `F15 no function changes the original value`() {
        let original = self.state { $0.listener = EventListener { _ in } }
        let before = self.fields(original)
        let changes: [(inout ConnectionState) -> Void] = [
            { $0.updateStatus(.error) }, { $0.updateTransportID(TransportID(rawValue: 1)) },
            { $0.updateTransportMonitor(TransportMonitor()) }, { $0.updateListener(nil) },
            { $0.recordError(WebSocketError(.timedOut, "")) }, { $0.addActiveStream(self.first, .upgrading) },
            { $0.updateStream(self.first, .websocket) }, { $0.updateActiveStreams([self.first: .closing]) },
            { $0.setupConnectionHandler(CountingHandler.self) }, { $0.updateHandler(.connection(CountingHandler())) },
            { $0.updateConnectionHandlerState(CountingHandler()) }, { $0.prepareForTermination() },
        ]
        for change in changes {
            var copy = original
            change(&copy)
            #expect(self.fields(copy) != before)
            #expect(self.fields(original) == before)
        }
    }
}
