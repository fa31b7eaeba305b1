package import WebSocketCore
package import WebSocketNovaTesting

/// What a ``MockExchangeServer`` has seen.
package struct ExchangeRecord: Sendable {
    /// An upgrade request, and what became of it.
    package struct Upgrade: Sendable, Hashable {
        /// The path and query.
        package var target: String
        package var fields: HTTPFields
        /// The subprotocols that the client offers, in its order.
        package var offeredSubprotocols: [String]
        /// The subprotocol that the server chose.
        package var subprotocol: String?
        /// The status of the answer.
        package var status: Int
        /// The number of the session that was opened; nil if none was.
        package var session: Int?
    }

    /// How many TCP connections were accepted, and how many there are.
    package var connectionCount = 0
    package var liveConnectionCount = 0
    /// The upgrade requests in order; the first 10,000.
    package var upgrades: [Upgrade] = []
    /// How many sessions were opened, and how many are open.
    package var openedCount = 0
    package var openCount = 0
    /// The upgrades that opened sessions, in order; the first 10,000.
    package var opened: [Upgrade] { self.upgrades.filter { $0.session != nil } }

    package var receivedFrames: [ScriptedServer.Frame.Opcode: Int] = [:]
    package var sentFrames: [ScriptedServer.Frame.Opcode: Int] = [:]
    /// The codes of the Close frames that came, 1005 for one without; the first 10,000.
    package var receivedCloseCodes: [WebSocketCloseCode] = []
    /// How the connections ended.
    package var ends: [End: Int] = [:]

    /// How a connection ended.
    package enum End: String, Sendable, Hashable {
        /// With Close frames of both sides.
        case closed
        /// The client ended the stream without a Close frame.
        case endOfStream
        /// The client reset the connection, or it broke.
        case broken
        /// The server ended it.
        case dropped
        /// The upgrade was refused.
        case refused
        /// The client did not read what was sent to it.
        case overflowed
    }

    static let maximumEntries = 10_000

    mutating func add(_ upgrade: Upgrade) {
        if self.upgrades.count < Self.maximumEntries { self.upgrades.append(upgrade) }
    }

    mutating func add(_ code: WebSocketCloseCode) {
        if self.receivedCloseCodes.count < Self.maximumEntries { self.receivedCloseCodes.append(code) }
    }
}
