import ArgumentParser

/// The parts of a run.
enum PlanGroup: String, CaseIterable, Codable, Sendable, ExpressibleByArgument {
    case messages, text, tls, deflate, connections, connect, idle, startup

    var title: String {
        switch self {
        case .messages: "Binary messages on one connection in the clear"
        case .text: "Text messages, validated when received"
        case .tls: "Binary messages with TLS"
        case .deflate: "Messages with permessage-deflate, each compressed on its own"
        case .connections: "Several connections on one event loop or in one thread"
        case .connect: "Connections: open, upgrade, one echo of 16 bytes, close"
        case .idle: "Idle connections"
        case .startup: "Start of a program, and its size"
        }
    }

    /// Whether contestants race in it, as `Plan`s say.
    var isRace: Bool { self != .idle && self != .startup }
}
