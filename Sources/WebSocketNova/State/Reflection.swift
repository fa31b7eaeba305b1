// What `print` and `dump` show: all but queries, which are where services take tokens, and descriptions end up in logs.

/// The path as far as it may be shown.
private func withoutQuery(_ path: String) -> String {
    path.firstIndex(of: "?").map { path[..<$0] + "?..." } ?? path
}

extension ConnectionState: CustomReflectable {
    /// Of `print` and `dump`: without the query of the path.
    public var customMirror: Mirror {
        let children: KeyValuePairs<String, Any> = [
            "host": self.host, "port": self.port, "transport": self.transport, "path": withoutQuery(self.path),
            "webSocketOptions": self.webSocketOptions, "options": self.options, "status": self.status,
            "transportID": self.transportID as Any, "transportMonitor": self.transportMonitor as Any,
            "listener": self.listener as Any, "lastError": self.lastError as Any, "activeStreams": self.activeStreams,
            "clientConnections": self.clientConnections, "handlers": self.handlers,
        ]
        return Mirror(self, children: children, displayStyle: .struct)
    }
}

extension ConnectionOptions: CustomReflectable {
    /// Of `print` and `dump`: without the query of the path.
    public var customMirror: Mirror {
        let children: KeyValuePairs<String, Any> = [
            "host": self.host as Any, "port": self.port as Any, "transport": self.transport,
            "path": withoutQuery(self.path), "webSocketOptions": self.webSocketOptions, "protocols": self.protocols,
            "transportOptions": self.transportOptions, "retry": self.retry, "backoff": self.backoff,
            "baseBackoff": self.baseBackoff, "listener": self.listener as Any, "headers": self.headers,
            "rateLimiter": self.rateLimiter as Any,
        ]
        return Mirror(self, children: children, displayStyle: .struct)
    }
}

extension StreamInfo.Data: CustomReflectable {
    /// Of `print` and `dump`: without the query of the path.
    public var customMirror: Mirror {
        let children: KeyValuePairs<String, Any> = [
            "path": withoutQuery(self.path), "subprotocol": self.subprotocol as Any,
        ]
        return Mirror(self, children: children, displayStyle: .struct)
    }
}
