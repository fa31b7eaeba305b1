internal import WebSocketCore

// Who listens, and what is asked of the handlers by users.
extension ClientEngine {
    func addListener(_ listener: EventListener) {
        guard !self.hasToldEnd, self.machine.state.listener != listener, !self.listeners.contains(listener) else {
            return
        }
        self.listeners.append(listener)
    }

    func removeListener(_ listener: EventListener) {
        self.listeners.removeAll { $0 == listener }
        if self.machine.state.listener == listener { self.machine.update { $0.updateListener(nil) } }
    }

    func setFrameHandler(for kind: WebSocketFrame.Kind, _ handler: FrameHandlers.Handler?) {
        if let handler {
            self.frameHandlers.register(kind, handler)
        } else {
            self.frameHandlers.unregister(kind)
        }
    }

    func handlerStatus() throws -> JSONValue {
        do {
            return try self.tryCall(\.connection, { try $0.status() }) ?? .null
        } catch {
            throw self.describe(error, of: \.connection)
        }
    }

    var statistics: ConnectionStatistics { self.history.statistics(now: self.loop.now) }

    var trace: ConnectionTrace {
        let state = self.machine.state
        return self.history.export(host: state.host, port: state.port, now: self.loop.now)
    }

    /// The handlers as they are now: with their state.
    var handlers: HandlerSet { self.machine.handlers }
}
