internal import LWSTransport
internal import WebSocketCore

/// One stream of a client: hears, on the loop, what its connection tells, and passes it on to the engine under the stream's
/// name.
///
/// The connection holds it, and it holds the engine: a client lives until its connections have ended.
final class ClientStream: Sendable {
    /// What a client does with the messages of a stream.
    enum Interest {
        /// Nobody wants them: they are counted.
        case ignore
        /// Somebody reads them, and nobody looks at them before that.
        case passThrough
        /// They are looked at one by one.
        case look
    }

    let ref: StreamRef
    private let engine: ClientEngine

    init(_ ref: StreamRef, engine: ClientEngine) {
        self.ref = ref
        self.engine = engine
    }

    // MARK: Opening

    func entered(_ phase: TransportPhase) {
        guard phase == .upgrade else { return }
        self.engine.assumeIsolated { $0.transportUp(self.ref) }
    }

    func opened(_ connection: Connection, _ opened: Connection.Opened, _ url: WebSocketURL) {
        let outcome = Opening.Outcome(connection: connection, opened: opened, inbound: nil, url: url)
        self.engine.assumeIsolated { $0.opened(self.ref, outcome) }
    }

    // MARK: Receiving

    var interest: Interest { self.engine.assumeIsolated { $0.interest(in: self.ref) } }

    /// Whether listeners hold back what is read.
    var isHeldBack: Bool { self.engine.assumeIsolated { $0.isHeldBack } }

    var wantsControlFrames: Bool { self.engine.assumeIsolated { $0.wantsControlFrames } }

    /// Takes the messages of a read, or of a part of it.
    func received(_ batch: inout InboundBatch) -> InboundQueue.Level {
        self.engine.assumeIsolated { $0.received(&batch, on: self.ref) }
    }

    /// A control frame came.
    func received(_ frame: WebSocketFrame) {
        self.engine.assumeIsolated { $0.receivedControl(frame, on: self.ref) }
    }

    // MARK: The end

    /// Nothing that is sent from now on will go out.
    func willEnd() {
        self.engine.assumeIsolated { $0.willEnd(self.ref) }
    }

    func ended(_ info: WebSocketCloseInfo, _ end: InboundQueue.End) {
        self.engine.assumeIsolated { $0.ended(self.ref, info, end) }
    }
}
