// The handlers of the connection.
extension ConnectionState {
    /// Makes a handler by its throwing initialiser. When that throws, the error is recorded and the type's default stands in.
    private mutating func make<Made: Handler>(_ type: Made.Type, _ options: HandlerOptions) -> Made {
        do {
            return try type.init(options: options)
        } catch {
            self.recordError(error)
            return type.init()
        }
    }

    /// Installs a connection handler.
    ///
    /// - Parameters:
    ///   - type: the handler's type.
    ///   - options: given to its initialiser, and not kept. When that throws, the type's default stands in.
    public mutating func setupConnectionHandler(_ type: any ConnectionHandler.Type, options: HandlerOptions = [:]) {
        self.handlers.connection = self.make(type, options)
    }

    /// Installs a message handler. See ``setupConnectionHandler(_:options:)``.
    public mutating func setupMessageHandler(_ type: any MessageHandler.Type, options: HandlerOptions = [:]) {
        self.handlers.message = self.make(type, options)
    }

    /// Installs a subscription handler. See ``setupConnectionHandler(_:options:)``.
    public mutating func setupSubscriptionHandler(_ type: any SubscriptionHandler.Type, options: HandlerOptions = [:]) {
        self.handlers.subscription = self.make(type, options)
    }

    /// Installs an auth handler. See ``setupConnectionHandler(_:options:)``.
    public mutating func setupAuthHandler(_ type: any AuthHandler.Type, options: HandlerOptions = [:]) {
        self.handlers.auth = self.make(type, options)
    }

    /// Installs an error handler. See ``setupConnectionHandler(_:options:)``.
    public mutating func setupErrorHandler(_ type: any ErrorHandler.Type, options: HandlerOptions = [:]) {
        self.handlers.error = self.make(type, options)
    }

    /// Installs a logging handler. See ``setupConnectionHandler(_:options:)``.
    public mutating func setupLoggingHandler(_ type: any LoggingHandler.Type, options: HandlerOptions = [:]) {
        self.handlers.logging = self.make(type, options)
    }

    /// Puts a handler in its place, whatever was there.
    public mutating func updateHandler(_ handler: HandlerSet.Entry) { self.handlers.install(handler) }

    /// Puts handlers in their places; those for which there is none are left.
    public mutating func updateHandlers(_ handlers: HandlerSet) { self.handlers.merge(handlers) }

    /// Puts the connection handler in a new state.
    public mutating func updateConnectionHandlerState(_ handler: any ConnectionHandler) {
        self.handlers.connection = handler
    }
}
