import ArgumentParser

enum Work: String, CaseIterable, Codable, Sendable, ExpressibleByArgument {
    /// Receive `count` messages that the server sends as fast as it can.
    case flood
    /// Send a message and wait until it has come back, `count` times.
    case echo
    /// Send `count` messages as fast as possible and wait for the server's word that it has them.
    case sink
    /// Receive `count` texts of about `size` bytes, each a JSON object. The server begins when it has been sent something.
    case json
}

struct Assignment: Sendable {
    /// What the load server is willing to send.
    static let maximumSize = 64 << 20

    var work: Work
    var server: ServerURL
    var size: Int
    var count: Int

    /// Path and query: those of the URL, or the load server's for this work.
    var resource: String {
        if let resource = self.server.resource { return resource }
        return switch self.work {
        case .flood: "/flood?size=\(self.size)&count=\(self.count)"
        case .json: "/json?size=\(self.size)&count=\(self.count)"
        case .echo: "/echo"
        case .sink: "/sink?count=\(self.count)"
        }
    }

    var url: String { "\(self.server.origin)\(self.resource)" }

    /// What is sent, of an echo or to a sink.
    var payload: [UInt8] { [UInt8](repeating: UInt8(ascii: "x"), count: self.size) }

    /// A short run of the same work on another connection, which loads code, fills pools and warms caches.
    var warmUp: Assignment {
        var copy = self
        // A URL with a path of its own may name a number of messages: then a short run would leave some unread.
        if self.server.resource == nil { copy.count = max(1, self.count / 20) }
        return copy
    }
}
