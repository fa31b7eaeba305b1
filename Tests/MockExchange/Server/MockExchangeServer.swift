import WebSocketNovaTesting

/// An exchange on a port of the loopback interface: any number of connections, each with an ``ExchangeSession``, on one
/// thread of the test's process.
///
/// It can do to its clients what exchanges do on bad days, and is back on the same port afterwards. What it knows beyond
/// connections, above all the orders that it has accepted, is in its ``ledger`` and survives. Every function that changes
/// something returns when it is done.
///
/// ```swift
/// try await withMockExchange { exchange in
///     … a client of exchange.url …
///     try await exchange.kill()
///     try await exchange.restart()
///     try await exchange.waitUntil { record, ledger in record.openedCount == 2 }
/// }
/// ```
package final class MockExchangeServer: Sendable {
    package let port: Int
    package let ledger: ExchangeLedger
    package var url: String { "ws://127.0.0.1:\(self.port)/ws/api/v2" }

    let state: ExchangeServerState
    private let thread: ServerThread

    /// Starts a server on a free port.
    ///
    /// - Parameters:
    ///   - port: where to listen; 0, the default, for a free port.
    ///   - ledger: of an exchange from before, or a new one.
    ///   - subprotocols: what the server speaks; the first that the client offers and that is among these is chosen.
    package init(
        port: Int = 0,
        ledger: ExchangeLedger = ExchangeLedger(),
        subprotocols: [String] = ["exchange.v2"]
    ) throws {
        let reservation = try ScriptSocket.bound(to: port)
        let port = reservation.port
        let listener = try ScriptSocket.listening(on: port)
        let state = try ExchangeServerState(ledger: ledger)
        let sockets = HandOver(listener: listener, reservation: reservation)
        self.thread = try ServerThread.start(name: "nova-exchange") {
            guard let listener = sockets.takeListener(), let reservation = sockets.takeReservation() else { return }
            let loop = ExchangeServerLoop(
                shared: state,
                subprotocols: subprotocols,
                listener: listener,
                reservation: reservation
            )
            loop.run()
            state.end(loop)
        }
        self.port = port
        self.ledger = ledger
        self.state = state
    }

    deinit {
        self.state.post { $0.stop() }
        self.thread.detach()
    }

    /// Ends all connections and the thread; the port is free when this returns. May be called more than once.
    package func stop() async {
        self.state.post { $0.stop() }
        await self.thread.join()
    }

    // MARK: Looking

    /// What has been seen up to now.
    package var record: ExchangeRecord { self.state.record }

    /// Waits until something holds. It is looked at whenever something has happened to a connection.
    ///
    /// - Throws: ``TestServerError`` when the time is up or the server is stopped; what the condition throws;
    ///   `CancellationError`.
    package func waitUntil(
        within limit: Duration = .seconds(30),
        _ condition: @escaping @Sendable (ExchangeRecord, ExchangeLedger.Snapshot) throws -> Bool
    ) async throws {
        try await self.state.wait(within: limit, until: condition)
    }

    /// Waits for the next session, of those that nobody has been given by this function.
    package func nextConnection(within limit: Duration = .seconds(30)) async throws -> ExchangeRecord.Upgrade {
        let place = self.state.takeNextConnection()
        try await self.waitUntil(within: limit) { record, _ in record.opened.count > place }
        return self.record.opened[place]
    }

    // MARK: Publishing

    /// Events on a channel, numbered on from the last. Who is not subscribed now never sees them.
    package func publish(channel: String, count: Int = 1) async throws {
        try await self.state.perform { $0.publish(channel, count) }
    }

    /// Events on a channel from now on, one after each interval; nil ends them.
    package func publish(channel: String, every interval: Duration?) async throws {
        try await self.state.perform { $0.publish(channel, every: interval) }
    }
}

/// Runs the body with a server that is stopped when the body returns or throws.
package func withMockExchange<Result>(
    rules: ExchangeRules = ExchangeRules(),
    isolation: isolated (any Actor)? = #isolation,
    _ body: (MockExchangeServer) async throws -> Result
) async throws -> Result {
    let server = try MockExchangeServer(ledger: ExchangeLedger(rules: rules))
    do {
        let result = try await body(server)
        await server.stop()
        return result
    } catch {
        await server.stop()
        throw error
    }
}
