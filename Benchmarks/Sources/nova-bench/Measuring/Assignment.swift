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
    /// Of all connections together.
    var count: Int
    var isText = false
    /// permessage-deflate is offered.
    var isCompressed = false
    /// How many are opened at once, on one event loop; each gets its equal share of the messages.
    var connections = 1
    /// A PEM file with the authority to trust; nil trusts the system's.
    var certificatePath: String?

    /// What a contestant must be able to do.
    var features: Set<Feature> {
        Feature.needed(
            isText: self.isText,
            isSecure: self.server.isSecure,
            isCompressed: self.isCompressed,
            connections: self.connections
        )
    }

    var countPerConnection: Int { self.count / self.connections }

    /// Of all connections together, after the division.
    var messages: Int { self.countPerConnection * self.connections }

    /// Path and query of each connection: those of the URL, or the load server's for this work.
    var resource: String {
        if let resource = self.server.resource { return resource }
        return switch self.work {
        case .flood: "/flood?size=\(self.size)&count=\(self.countPerConnection)\(self.isText ? "&text=1" : "")"
        case .json: "/json?size=\(self.size)&count=\(self.countPerConnection)"
        case .echo: "/echo"
        case .sink: "/sink?count=\(self.countPerConnection)"
        }
    }

    var url: String { "\(self.server.origin)\(self.resource)" }

    /// What one of the connections has to do.
    var share: Assignment {
        var copy = self
        copy.count = self.countPerConnection
        copy.connections = 1
        return copy
    }

    /// What is sent, of an echo or to a sink: of text, its UTF-8.
    var payload: [UInt8] { Payload.bytes(self.size, isText: self.isText, isCompressed: self.isCompressed) }

    /// A short run of the same work on other connections, which loads code, fills pools and warms caches.
    var warmUp: Assignment {
        var copy = self
        // A URL with a path of its own may name a number of messages: then a short run would leave some unread.
        if self.server.resource == nil { copy.count = max(self.connections, self.count / 20) }
        return copy
    }
}
