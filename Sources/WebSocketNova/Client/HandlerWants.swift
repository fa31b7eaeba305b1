/// What the handlers want to be told of for each message, read once: a handler that wants nothing costs nothing.
struct HandlerWants: Sendable {
    var frames: Bool
    var messages: Bool
    var loggedMessages: Bool
    var measuredMessages: Bool
    var metrics: Bool

    init(_ handlers: HandlerSet) {
        self.frames = handlers.connection?.wantsFrames ?? false
        self.messages = handlers.message?.wantsMessages ?? false
        self.loggedMessages = handlers.logging?.wantsMessages ?? false
        self.measuredMessages = handlers.metrics?.wantsMessages ?? false
        self.metrics = handlers.metrics != nil
    }

    /// Whether somebody looks at each message that comes.
    var eachReceived: Bool { self.frames || self.messages || self.loggedMessages || self.measuredMessages }

    /// Whether somebody looks at each message that goes.
    var eachSent: Bool { self.loggedMessages || self.measuredMessages }
}
