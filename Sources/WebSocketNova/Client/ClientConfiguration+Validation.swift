internal import WebSocketCore

extension ClientConfiguration {
    /// Refuses values that are out of range, by name. Of ``url`` it says nothing: see ``connectionOptions()``.
    func validate() throws(WebSocketError) {
        try self.webSocket.validate()
        try WebSocketConfiguration.check("requestTimeout", self.requestTimeout)
        if case .wait(let time) = self.disconnectedSends {
            try WebSocketConfiguration.check("disconnectedSends.wait", time)
        }
        try Self.check("pendingRequests", self.pendingRequests, 1...1_000_000)
        try Self.check("listenerBuffer.count", self.listenerBuffer.count, 1...Int.max)
        try Self.check("listenerBuffer.bytes", self.listenerBuffer.bytes, 1...Int.max)
        guard let handler = self.handlers.error as? DefaultErrorHandler else { return }
        let year = Duration.seconds(365 * 86_400)
        try Self.check("backoff.base", handler.backoff.base, .zero...year)
        try Self.check("backoff.maximum", handler.backoff.maximum, .zero...year)
        try Self.check("maximumRetryAfter", handler.maximumRetryAfter, .zero...year)
        try Self.check("stabilityPeriod", handler.stabilityPeriod, .zero...year)
    }

    private static func check<Value: Comparable>(
        _ name: String,
        _ value: Value,
        _ range: ClosedRange<Value>
    ) throws(WebSocketError) {
        guard !range.contains(value) else { return }
        throw WebSocketError(
            .invalidConfiguration,
            "\(name) is \(value); it must be from \(range.lowerBound) to \(range.upperBound)"
        )
    }
}
