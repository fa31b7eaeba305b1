public import WebSocketCore

extension ScriptedServer {
    /// One thing that a ``ScriptedServer`` does with its client. Steps are played one after the other.
    public struct Step: Sendable {
        enum Action: Sendable {
            case expectUpgrade
            case acceptUpgrade(fields: HTTPFields, following: [UInt8])
            case answerUpgrade(chunkSize: Int?, interval: Duration, response: @Sendable (String) -> [UInt8])
            case send([UInt8], chunkSize: Int, interval: Duration)
            case flood([UInt8], atMost: Int, isReading: Bool)
            case receive(Int)
            case receiveFrames(Int)
            case receiveClose
            case echoFrames(Int)
            case delay(Duration)
            case pause(String)
            case mark(String)
            case waitForEndOfStream
            case stopReading
            case startTLS(Identity, sendingAtMost: Int?)
            case sendBeneathTLS([UInt8])
            case sendPartOfRecord([UInt8], Int)
            case sendCloseNotify
            case shutdownWrite
            case close
            case reset
            case repeated(Int, [Step])
            case untilClientLeaves([Step])
        }

        let action: Action
        /// What a failure calls this step.
        let name: String

        // The upgrade.

        /// Reads the upgrade request up to its empty line and records it byte for byte.
        public static let expectUpgrade = Step(action: .expectUpgrade, name: "expectUpgrade")

        /// Reads the upgrade request if no step has, and answers it with 101 and the right Sec-WebSocket-Accept.
        ///
        /// - Parameters:
        ///   - subprotocol: the Sec-WebSocket-Protocol of the answer, offered or not.
        ///   - extensions: the Sec-WebSocket-Extensions of the answer, offered or not.
        ///   - headers: further fields. One of the names Upgrade, Connection or Sec-WebSocket-Accept replaces the right one.
        ///   - following: bytes that follow the answer in the same write, so that they reach the client in the same segment.
        public static func acceptUpgrade(
            subprotocol: String? = nil,
            extensions: String? = nil,
            headers: HTTPFields = HTTPFields(),
            following: [UInt8] = []
        ) -> Step {
            var fields = HTTPFields()
            if let subprotocol { fields.append(name: "Sec-WebSocket-Protocol", value: subprotocol) }
            if let extensions { fields.append(name: "Sec-WebSocket-Extensions", value: extensions) }
            for field in headers { fields.append(name: field.name, value: field.value) }
            return Step(action: .acceptUpgrade(fields: fields, following: following), name: "acceptUpgrade")
        }

        /// Reads the upgrade request if no step has, and answers it with bytes of one's own.
        ///
        /// - Parameters:
        ///   - size: in chunks of how many bytes; nil, the default, for one piece.
        ///   - interval: the time between two chunks.
        ///   - response: makes the bytes out of the right value for Sec-WebSocket-Accept.
        public static func answerUpgrade(
            inChunksOf size: Int? = nil,
            interval: Duration = .zero,
            _ response: @escaping @Sendable (_ accept: String) -> [UInt8]
        ) -> Step {
            let size = size.map { max(1, $0) }
            return Step(
                action: .answerUpgrade(chunkSize: size, interval: interval, response: response),
                name: "answerUpgrade"
            )
        }

        // Bytes to the client.

        /// Sends bytes.
        public static func send(_ bytes: [UInt8]) -> Step {
            Step(
                action: .send(bytes, chunkSize: max(1, bytes.count), interval: .zero),
                name: "send \(bytes.count) bytes"
            )
        }

        /// Sends the bytes of a string as UTF-8, a response head for example.
        public static func send(_ text: String) -> Step { .send(Array(text.utf8)) }

        /// Sends bytes in chunks of a size, with an interval between them; each is a segment of its own if the interval lets it.
        public static func send(_ bytes: [UInt8], inChunksOf size: Int, interval: Duration = .zero) -> Step {
            Step(
                action: .send(bytes, chunkSize: max(1, size), interval: interval),
                name: "send \(bytes.count) bytes in chunks of \(size)"
            )
        }

        /// Sends a frame as it is.
        public static func send(_ frame: Frame) -> Step {
            let bytes = frame.encoded
            return Step(
                action: .send(bytes, chunkSize: bytes.count, interval: .zero),
                name: "send a frame of opcode \(frame.opcode.rawValue)"
            )
        }

        /// Sends bytes again and again, until so many have gone or the client has left.
        ///
        /// - Parameters:
        ///   - bytes: what is repeated.
        ///   - limit: about how many bytes to send in all.
        ///   - isReading: whether what the client sends meanwhile is read and recorded, or left to pile up.
        public static func flood(_ bytes: [UInt8], atMost limit: Int, isReading: Bool = false) -> Step {
            Step(
                action: .flood(bytes, atMost: bytes.isEmpty ? 0 : limit, isReading: isReading),
                name: "flood of \(limit) bytes"
            )
        }

        // Bytes from the client.

        /// Reads exactly this many bytes.
        public static func receive(_ count: Int) -> Step {
            Step(action: .receive(count), name: "receive \(count) bytes")
        }

        /// Reads frames and records them without their masks.
        public static func receiveFrames(_ count: Int) -> Step {
            Step(action: .receiveFrames(count), name: "receive \(count) frames")
        }

        /// Reads one frame and records it without its mask.
        public static let receiveFrame = receiveFrames(1)

        /// Reads frames up to the Close frame, and records them without their masks.
        public static let receiveClose = Step(action: .receiveClose, name: "receiveClose")

        /// Reads frames and sends each back without its mask: data as it is, a ping as a pong, a Close frame as the answer.
        public static func echoFrames(_ count: Int) -> Step {
            Step(action: .echoFrames(count), name: "echo \(count) frames")
        }

        // Time and the test.

        /// Does nothing for a while; what the client sends waits in the kernel.
        public static func delay(_ duration: Duration) -> Step {
            Step(action: .delay(duration), name: "delay of \(duration)")
        }

        /// Does nothing until the test calls ``ScriptedServer/proceed(_:)`` with this name, before or after.
        public static func pause(until name: String) -> Step {
            Step(action: .pause(name), name: "pause until \"\(name)\"")
        }

        /// Tells a test that waits in ``ScriptedServer/reached(_:)`` that the script has come here.
        public static func mark(_ name: String) -> Step {
            Step(action: .mark(name), name: "mark \"\(name)\"")
        }

        // TLS.

        /// Makes a TLS handshake as the server; from then on bytes go both ways encrypted.
        public static func startTLS(_ identity: Identity) -> Step {
            Step(action: .startTLS(identity, sendingAtMost: nil), name: "startTLS")
        }

        /// Answers the client's first flight of a TLS handshake with no more than this many bytes of the server's, and
        /// leaves it there.
        public static func startTLS(_ identity: Identity, sendingAtMost count: Int) -> Step {
            Step(action: .startTLS(identity, sendingAtMost: count), name: "startTLS with \(count) bytes")
        }

        /// Sends bytes as they are over a connection that speaks TLS: no record, or one that is wrong.
        public static func sendBeneathTLS(_ bytes: [UInt8]) -> Step {
            Step(action: .sendBeneathTLS(bytes), name: "send \(bytes.count) bytes beneath TLS")
        }

        /// Encrypts bytes, and sends only the first so many of the record.
        public static func sendPartOfRecord(_ bytes: [UInt8], count: Int) -> Step {
            Step(action: .sendPartOfRecord(bytes, count), name: "send \(count) bytes of a record")
        }

        /// Sends the alert that ends a TLS stream in order. The end of a script sends it too; ``close`` does not.
        public static let sendCloseNotify = Step(action: .sendCloseNotify, name: "sendCloseNotify")

        // The end.

        /// Reads and records until the client has ended its side of the stream, in order or by a reset.
        public static let waitForEndOfStream = Step(action: .waitForEndOfStream, name: "waitForEndOfStream")

        /// Reads nothing, so that the client's bytes pile up, until the client resets the connection or closes it.
        ///
        /// An orderly close waits in the client's kernel behind bytes that nobody reads: if these are many, this step ends
        /// only at the deadline or at ``ScriptedServer/stop()``; ``pause(until:)`` ends when the test says so.
        public static let stopReading = Step(action: .stopReading, name: "stopReading")

        /// Ends the stream to the client and goes on reading: a half-close.
        public static let shutdownWrite = Step(action: .shutdownWrite, name: "shutdownWrite")

        /// Closes the connection now. The kernel makes a reset of it if bytes of the client are unread.
        public static let close = Step(action: .close, name: "close")

        /// Resets the connection (SO_LINGER 0): the client reads ECONNRESET.
        public static let reset = Step(action: .reset, name: "reset")

        /// Plays steps several times.
        public static func repeated(_ count: Int, _ steps: [Step]) -> Step {
            Step(action: .repeated(count, steps), name: "repeated \(count) times")
        }

        /// Plays steps again and again until the client ends the connection, in order or by a reset.
        public static func untilClientLeaves(_ steps: [Step]) -> Step {
            Step(action: .untilClientLeaves(steps), name: "until the client leaves")
        }
    }

    /// What a ``ScriptedServer`` saw.
    public struct Transcript: Sendable, Hashable {
        /// One client's part.
        public struct Connection: Sendable, Hashable {
            /// The upgrade request, byte for byte, with its empty line; empty if no step has read it.
            public var requestHead: [UInt8] = []
            /// Every byte that was read after the request, parsed or not.
            public var received: [UInt8] = []
            /// The frames that steps have read.
            public var frames: [Frame] = []
            /// How many bytes went to the client, those of TLS included.
            public var sentCount = 0
            /// Whether the client ended the stream in order.
            public var sawEndOfStream = false
            /// Whether the client ended TLS in order (close_notify).
            public var sawCloseNotify = false
            /// Whether the client reset the connection.
            public var wasReset = false

            /// Makes the record of a connection on which nothing has happened.
            public init() {}

            /// The upgrade request as text.
            public var request: String { String(decoding: self.requestHead, as: UTF8.self) }

            /// The frames in ``received``, whether or not a step has read them.
            public var receivedFrames: [Frame] {
                var frames: [Frame] = []
                var rest = self.received[...]
                while let (frame, count) = Frame.parse(rest) {
                    frames.append(frame)
                    rest = rest.dropFirst(count)
                }
                return frames
            }

            /// Whether the client has ended the connection, in order or by a reset.
            public var clientHasLeft: Bool { self.sawEndOfStream || self.wasReset }
        }

        /// The connections in the order in which they were accepted.
        public var connections: [Connection] = []

        /// Makes the record of a server that has seen no client.
        public init() {}

        /// The first connection; an empty one if there was none.
        public var first: Connection { self.connections.first ?? Connection() }
    }
}
