extension ClientConfiguration {
    /// Puts together what the four hands set, values and handlers alike: the last one who sets something has it.
    ///
    /// - Parameters:
    ///   - adapter: set after the library's defaults. Its handlers are installed before its
    ///     ``Adapter/configure(_:)`` is called.
    ///   - defaults: what a client that is made for one service sets, after the adapter.
    ///   - user: what the user sets, after all others.
    /// - Throws: whatever one of the three throws.
    public static func resolve(
        adapter: some Adapter,
        defaults: (inout ClientConfiguration) throws -> Void = { _ in },
        user: (inout ClientConfiguration) throws -> Void = { _ in }
    ) throws -> ClientConfiguration {
        var configuration = ClientConfiguration()
        configuration.handlers.install(adapter)
        try adapter.configure(&configuration)
        try defaults(&configuration)
        try user(&configuration)
        return configuration
    }
}
