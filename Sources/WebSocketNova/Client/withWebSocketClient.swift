/// Connects to a service for the time of a closure.
///
/// ```swift
/// try await withWebSocketClient(using: ExchangeAdapter()) { client in
///     for try await update in try await client.subscribe(to: "trades.BTC") { print(update) }
/// }
/// ```
///
/// When the closure returns, the client is closed with 1000, when it throws, with 1011, and when the task is cancelled, with
/// 1001. The function returns after the client has ended, which takes at most the close deadline.
///
/// - Parameters:
///   - adapter: knows the service.
///   - configure: changes the configuration: the user's wishes.
///   - body: what to do with the client.
/// - Throws: what ``WebSocketClient/connect(using:defaults:configuration:)`` throws; what the closure throws.
public func withWebSocketClient<Result>(
    using adapter: some Adapter,
    configuration configure: (inout ClientConfiguration) throws -> Void = { _ in },
    _ body: (WebSocketClient) async throws -> Result
) async throws -> Result {
    try await WebSocketClient.connect(using: adapter, configuration: configure).runScope(body)
}

/// Connects to a URL for the time of a closure. See ``withWebSocketClient(using:configuration:_:)``.
public func withWebSocketClient<Result>(
    to url: String,
    configuration configure: (inout ClientConfiguration) throws -> Void = { _ in },
    _ body: (WebSocketClient) async throws -> Result
) async throws -> Result {
    try await WebSocketClient.connect(to: url, configuration: configure).runScope(body)
}

extension WebSocketClient {
    /// Runs a closure and closes the client after it, whatever happened.
    fileprivate func runScope<Result>(_ body: (WebSocketClient) async throws -> Result) async throws -> Result {
        do {
            let result = try await withTaskCancellationHandler {
                try await body(self)
            } onCancel: {
                self.engine.signal(.release)
            }
            await self.closeScope(Task.isCancelled ? .goingAway : .normalClosure)
            return result
        } catch {
            let code: WebSocketCloseCode = Task.isCancelled || error is CancellationError ? .goingAway : .internalError
            await self.closeScope(code)
            throw error
        }
    }

    /// Closes and sees it through, also when the task is cancelled.
    private func closeScope(_ code: WebSocketCloseCode) async {
        guard let frame = try? CloseFrame(code: code) else { return }
        let engine = self.engine
        // A task of its own, which the cancellation does not reach.
        await Task { _ = try? await engine.close(frame) }.value
    }
}
