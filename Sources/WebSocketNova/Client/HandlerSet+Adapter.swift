// Adapters in their places.
extension HandlerSet {
    /// The library's default handlers, and an adapter in the places of those that it conforms to.
    public init(adapter: some Adapter) {
        self = .standard
        self.install(adapter)
    }

    /// Puts an adapter in the places of the handlers that it conforms to; the others are left.
    ///
    /// Which they are is found here, once. What is installed afterwards in one of these places takes it from the adapter.
    public mutating func install<A: Adapter>(_ adapter: A) {
        let storage = AdapterStorage(adapter)
        if let type = A.self as? any ConnectionHandler.Type { self.connection = Self.connection(type, storage) }
        if let type = A.self as? any MessageHandler.Type { self.message = Self.message(type, storage) }
        if let type = A.self as? any ErrorHandler.Type { self.error = Self.error(type, storage) }
        if let type = A.self as? any LoggingHandler.Type { self.logging = Self.logging(type, storage) }
        if let type = A.self as? any SubscriptionHandler.Type { self.subscription = Self.subscription(type, storage) }
        if let type = A.self as? any AuthHandler.Type { self.auth = Self.auth(type, storage) }
        if let type = A.self as? any RateLimitHandler.Type { self.rateLimit = Self.rateLimit(type, storage) }
        if let type = A.self as? any MetricsHandler.Type { self.metrics = Self.metrics(type, storage) }
        self.adapters.append(storage)
    }

    /// An installed adapter in its present state; nil if there is none of the type. Of several, the one installed last.
    public func adapter<A>(as type: A.Type) -> A? {
        for storage in self.adapters.reversed() {
            if let adapter = storage.adapter(as: type) { return adapter }
        }
        return nil
    }

    /// The same handlers in the same state, of which no adapter's is shared with this set's: what a new connection takes.
    func unshared() -> HandlerSet {
        var copies = AdapterCopies()
        var set = self
        set.connection = Self.unshared(self.connection, &copies)
        set.message = Self.unshared(self.message, &copies)
        set.error = Self.unshared(self.error, &copies)
        set.logging = Self.unshared(self.logging, &copies)
        set.subscription = Self.unshared(self.subscription, &copies)
        set.auth = Self.unshared(self.auth, &copies)
        set.rateLimit = Self.unshared(self.rateLimit, &copies)
        set.metrics = Self.unshared(self.metrics, &copies)
        set.adapters = self.adapters.map { copies.copy(of: $0) }
        return set
    }

    /// A copy of a handler, of which that is not true by itself: it may be an adapter's.
    static func unshared<Kept>(_ handler: Kept) -> Kept {
        var copies = AdapterCopies()
        return self.unshared(handler, &copies) ?? handler
    }

    private static func unshared<Kept>(_ handler: Kept?, _ copies: inout AdapterCopies) -> Kept? {
        guard let shared = handler as? any AdapterHandler else { return handler }
        return shared.unshared(&copies) as? Kept
    }
}

// The handler for an adapter's conformance: the conformance's type is the adapter's, which is what the storage is cast for.
extension HandlerSet {
    private static func connection<A: ConnectionHandler>(
        _ type: A.Type,
        _ storage: any AnyAdapterStorage
    ) -> (any ConnectionHandler)? {
        (storage as? AdapterStorage<A>).map { AdapterConnectionHandler(storage: $0) }
    }

    private static func message<A: MessageHandler>(
        _ type: A.Type,
        _ storage: any AnyAdapterStorage
    ) -> (any MessageHandler)? {
        (storage as? AdapterStorage<A>).map { AdapterMessageHandler(storage: $0) }
    }

    private static func error<A: ErrorHandler>(
        _ type: A.Type,
        _ storage: any AnyAdapterStorage
    ) -> (any ErrorHandler)? {
        (storage as? AdapterStorage<A>).map { AdapterErrorHandler(storage: $0) }
    }

    private static func logging<A: LoggingHandler>(
        _ type: A.Type,
        _ storage: any AnyAdapterStorage
    ) -> (any LoggingHandler)? {
        (storage as? AdapterStorage<A>).map { AdapterLoggingHandler(storage: $0) }
    }

    private static func subscription<A: SubscriptionHandler>(
        _ type: A.Type,
        _ storage: any AnyAdapterStorage
    ) -> (any SubscriptionHandler)? {
        (storage as? AdapterStorage<A>).map { AdapterSubscriptionHandler(storage: $0) }
    }

    private static func auth<A: AuthHandler>(
        _ type: A.Type,
        _ storage: any AnyAdapterStorage
    ) -> (any AuthHandler)? {
        (storage as? AdapterStorage<A>).map { AdapterAuthHandler(storage: $0) }
    }

    private static func rateLimit<A: RateLimitHandler>(
        _ type: A.Type,
        _ storage: any AnyAdapterStorage
    ) -> (any RateLimitHandler)? {
        (storage as? AdapterStorage<A>).map { AdapterRateLimitHandler(storage: $0) }
    }

    private static func metrics<A: MetricsHandler>(
        _ type: A.Type,
        _ storage: any AnyAdapterStorage
    ) -> (any MetricsHandler)? {
        (storage as? AdapterStorage<A>).map { AdapterMetricsHandler(storage: $0) }
    }
}
