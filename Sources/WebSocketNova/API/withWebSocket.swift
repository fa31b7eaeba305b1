public import WebSocketCore

/// Opens a connection for the time of a closure.
///
/// ```swift
/// let closed = try await withWebSocket(to: "wss://example.com/feed") { socket in
///     try await socket.send("hello")
///     for try await message in socket.messages { print(message) }
/// }
/// ```
///
/// When the closure returns, the connection is closed with 1000, when it throws, with 1011, and when the task is cancelled,
/// with 1001, at the moment of the cancellation. In every case the function returns after the connection has ended, which
/// takes at most the close deadline.
///
/// - Parameters:
///   - url: an absolute `ws` or `wss` URL.
///   - configuration: how to open and keep the connection.
///   - body: what to do with it.
/// - Returns: how the connection ended.
/// - Throws: what ``WebSocket/connect(to:configuration:)`` throws; what the closure throws.
@discardableResult
public func withWebSocket(
    to url: String,
    configuration: WebSocketConfiguration = WebSocketConfiguration(),
    _ body: (WebSocket) async throws -> Void
) async throws -> WebSocketCloseInfo {
    let socket = try await WebSocket.connect(to: url, configuration: configuration)
    return try await socket.runScope(body).info
}

/// Opens a connection for the time of a closure, and returns what the closure returns.
///
/// See ``withWebSocket(to:configuration:_:)-(_,_,(WebSocket)->Void)``.
public func withWebSocket<Result>(
    to url: String,
    configuration: WebSocketConfiguration = WebSocketConfiguration(),
    _ body: (WebSocket) async throws -> Result
) async throws -> Result {
    let socket = try await WebSocket.connect(to: url, configuration: configuration)
    return try await socket.runScope(body).result
}

extension WebSocket {
    /// Runs a closure and closes the connection after it, whatever happened.
    fileprivate func runScope<Result>(
        _ body: (WebSocket) async throws -> Result
    ) async throws -> (result: Result, info: WebSocketCloseInfo) {
        do {
            let result = try await withTaskCancellationHandler {
                try await body(self)
            } onCancel: {
                self.connection.signal(.cancelScope)
            }
            return (result, await self.closeScope(Task.isCancelled ? .goingAway : .normalClosure))
        } catch {
            let code: WebSocketCloseCode = Task.isCancelled || error is CancellationError ? .goingAway : .internalError
            await self.closeScope(code)
            throw error
        }
    }

    /// Closes and sees it through, also when the task is cancelled.
    @discardableResult
    private func closeScope(_ code: WebSocketCloseCode) async -> WebSocketCloseInfo {
        await self.connection.close((try? CloseFrame(code: code)) ?? .withoutCode)
    }
}
