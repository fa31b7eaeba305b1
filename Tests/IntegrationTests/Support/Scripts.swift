import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

/// Opens a connection to a server that plays a script, runs the body with both, and closes what is open.
func withScript<Value>(
    _ script: [ScriptedServer.Step],
    deadline: Duration = .seconds(20),
    _ configuration: WebSocketConfiguration = WebSocketConfiguration(),
    _ body: (WebSocket, ScriptedServer) async throws -> Value
) async throws -> Value {
    try await withScriptedServer(script, deadline: deadline) { server in
        let socket = try await WebSocket.connect(to: server.url, configuration: configuration)
        do {
            let value = try await body(socket, server)
            socket.abort()
            return value
        } catch {
            socket.abort()
            throw error
        }
    }
}

extension WebSocket {
    /// The next message; nil at the end.
    func first() async throws -> WebSocketMessage? {
        for try await message in self.messages { return message }
        return nil
    }

    /// All messages up to the end, and the error that ended them.
    func readToEnd() async -> (messages: [WebSocketMessage], error: (any Error)?) {
        var messages: [WebSocketMessage] = []
        do {
            for try await message in self.messages { messages.append(message) }
            return (messages, nil)
        } catch {
            return (messages, error)
        }
    }

    /// Waits for the end, and tells how the connection ended.
    func ended(sourceLocation: SourceLocation = #_sourceLocation) async throws -> WebSocketCloseInfo {
        await eventually("the connection has ended", sourceLocation: sourceLocation) { self.closeInfo != nil }
        return try #require(self.closeInfo, sourceLocation: sourceLocation)
    }
}

extension ScriptedServer.Frame {
    /// The code of a Close frame.
    var closeCode: WebSocketCloseCode? {
        guard self.opcode == .close, self.payload.count >= 2 else { return nil }
        return WebSocketCloseCode(rawValue: UInt16(self.payload[0]) << 8 | UInt16(self.payload[1]))
    }

    var text: String { String(decoding: self.payload, as: UTF8.self) }
}

extension WebSocketConfiguration {
    /// The defaults, changed.
    static func with(_ change: (inout WebSocketConfiguration) -> Void) -> WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        change(&configuration)
        return configuration
    }
}

/// The error that opening a connection ends with; a connection that comes about is an issue.
func openingError(
    _ url: String,
    _ configuration: WebSocketConfiguration = WebSocketConfiguration(),
    sourceLocation: SourceLocation = #_sourceLocation
) async -> WebSocketError? {
    do {
        let socket = try await WebSocket.connect(to: url, configuration: configuration)
        socket.abort()
        Issue.record("\(url) was opened", sourceLocation: sourceLocation)
    } catch let error as WebSocketError {
        return error
    } catch {
        Issue.record("\(error) is no WebSocketError", sourceLocation: sourceLocation)
    }
    return nil
}
