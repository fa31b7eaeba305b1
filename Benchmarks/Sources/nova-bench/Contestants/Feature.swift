/// What a contestant can do beside binary messages on one connection in the clear. One that lacks a feature is left out of
/// the rows that need it.
enum Feature: String, CaseIterable, Codable, Sendable {
    /// Text messages, which are validated when they are received (RFC 6455 section 8.1).
    case text
    /// A `wss:` URL, with the server's certificate verified.
    case tls
    /// permessage-deflate (RFC 7692).
    case deflate
    /// Several connections on one event loop or in one thread.
    case connections

    static func needed(isText: Bool, isSecure: Bool, isCompressed: Bool, connections: Int) -> Set<Feature> {
        var features: Set<Feature> = []
        if isText { features.insert(.text) }
        if isSecure { features.insert(.tls) }
        if isCompressed { features.insert(.deflate) }
        if connections > 1 { features.insert(.connections) }
        return features
    }
}
