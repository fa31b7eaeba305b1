import CLibwebsockets
import WebSocketCore

/// One connection of an ``EchoServer``. It lives on the server's thread.
///
/// ## Back-pressure
/// A message is written when its last byte has come; if the kernel does not take all of it, reading stops
/// (`lws_rx_flow_control`) until lws has written the rest. So there is never more than one message in memory, and lws never
/// parses a Close frame while it still has bytes to write, upon which it would cut the connection.
///
/// In 4.1.6 `lws_rx_flow_control` makes lws loop forever if OpenSSL holds decrypted bytes after a read (`ops-ws.c`,
/// `pending`). It never does here: a read takes ``receiveSize`` bytes, which is a whole TLS record.
final class EchoConnection {
    /// How many bytes lws reads at once: the 16 KiB of a full TLS record and a margin.
    static let receiveSize: UInt32 = 32_768

    /// lws writes the frame's header into the bytes before the payload.
    private static let prefix = [UInt8](repeating: 0, count: Int(nova_lws_pre))

    private struct Outgoing {
        /// ``prefix`` and the payload.
        var bytes: [UInt8]
        var offset = EchoConnection.prefix.count
        var isText: Bool
        var isCompressed = false
    }

    let wsi: OpaquePointer
    let route: EchoRoute
    let compression: EchoCompression?
    private(set) var isEstablished = false
    /// Whether the next frame that lws sends gets RSV1, which says that its message is compressed (RFC 7692 section 6).
    private(set) var marksFrame = false

    private let maximumMessageSize: Int
    private var incoming = EchoConnection.prefix
    private var incomingIsCompressed = false
    private var outgoing: [Outgoing] = []
    private var closing: (code: WebSocketCloseCode, reason: String)?
    private var isClosed = false

    init(wsi: OpaquePointer, route: EchoRoute, compression: EchoCompression?, maximumMessageSize: Int) {
        self.wsi = wsi
        self.route = route
        self.compression = compression
        self.maximumMessageSize = maximumMessageSize
    }

    // What happened. A result other than 0 makes lws close the connection.

    func established() -> Int32 {
        self.isEstablished = true
        switch self.route {
        case .greet(let text): self.enqueue(Self.prefix + text.utf8, isText: true)
        case .close(let code, let reason): self.closing = (code, reason)
        case .tls:
            let text = lws_get_ssl(self.wsi).map { TestServerIdentity.describe($0) } ?? "no TLS"
            self.enqueue(Self.prefix + text.utf8, isText: true)
        case .echo, .drop, .fragments: break
        }
        lws_callback_on_writable(self.wsi)
        return 0
    }

    func received(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        guard !self.isClosed, self.closing == nil else { return 0 }
        if lws_is_first_fragment(self.wsi) != 0 {
            self.incomingIsCompressed = lws_get_reserved_bits(self.wsi) & 0x40 != 0
        }
        guard self.incoming.count - Self.prefix.count + bytes.count <= self.maximumMessageSize else {
            self.incoming = Self.prefix
            return self.fail(.messageTooBig, "over \(self.maximumMessageSize) bytes")
        }
        self.incoming.append(contentsOf: bytes)
        guard lws_is_final_fragment(self.wsi) != 0 else { return 0 }
        return self.receivedMessage()
    }

    func writable() -> Int32 {
        guard !self.isClosed else { return 0 }
        guard self.pump() else { return -1 }
        guard lws_partial_buffered(self.wsi) == 0 else { return 0 }
        if let (code, reason) = self.closing {
            self.isClosed = true
            var reason = Array(reason.utf8.prefix(123))
            lws_close_reason(self.wsi, lws_close_status(UInt32(code.rawValue)), &reason, reason.count)
            return -1
        }
        lws_rx_flow_control(self.wsi, 1)
        return 0
    }

    func peerClosed() {
        self.isClosed = true
    }

    // What is asked for.

    func close(code: WebSocketCloseCode, reason: String) {
        guard !self.isClosed, self.closing == nil else { return }
        self.closing = (code, reason)
        lws_callback_on_writable(self.wsi)
    }

    func drop() {
        self.isClosed = true
        lws_set_timeout(self.wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC)
    }

    // How.

    private func receivedMessage() -> Int32 {
        if self.route == .drop {
            self.drop()
            return 0
        }
        var message = Self.prefix
        swap(&message, &self.incoming)
        let isText = lws_frame_is_binary(self.wsi) == 0
        if self.incomingIsCompressed {
            guard let compression else { return self.fail(.protocolError, "RSV1 without an extension") }
            switch compression.inflate(message[Self.prefix.count...], limit: self.maximumMessageSize) {
            case .success(let inflated): message = Self.prefix + inflated
            case .failure(.tooLarge): return self.fail(.messageTooBig, "over \(self.maximumMessageSize) bytes")
            case .failure(.invalid): return self.fail(.invalidFramePayloadData, "not a DEFLATE stream")
            }
        }
        if isText, String(validating: message[Self.prefix.count...], as: UTF8.self) == nil {
            return self.fail(.invalidFramePayloadData, "not UTF-8")
        }
        self.enqueue(message, isText: isText)
        guard self.pump() else { return -1 }
        if !self.outgoing.isEmpty || lws_partial_buffered(self.wsi) != 0 {
            lws_rx_flow_control(self.wsi, 0)
            lws_callback_on_writable(self.wsi)
        }
        return 0
    }

    private func fail(_ code: WebSocketCloseCode, _ reason: String) -> Int32 {
        // The Close frame is sent when lws can write: it is lost when lws still has bytes of its own to send.
        self.close(code: code, reason: reason)
        return 0
    }

    private func enqueue(_ message: [UInt8], isText: Bool) {
        var outgoing = Outgoing(bytes: message, isText: isText)
        let payload = message[Self.prefix.count...]
        if let compression, payload.count >= compression.threshold, let deflated = compression.deflate(payload) {
            outgoing.bytes = Self.prefix + deflated
            outgoing.isCompressed = true
        }
        self.outgoing.append(outgoing)
    }

    /// Writes frames for as long as the kernel takes them whole; false if the connection is broken.
    ///
    /// A second frame while lws still has bytes of the first would corrupt the stream (`ops-ws.c`, `inside_frame`).
    private func pump() -> Bool {
        while !self.outgoing.isEmpty, lws_partial_buffered(self.wsi) == 0 {
            guard self.writeFrame(of: &self.outgoing[0]) else { return false }
            if self.outgoing[0].offset == self.outgoing[0].bytes.count { self.outgoing.removeFirst() }
        }
        if !self.outgoing.isEmpty { lws_callback_on_writable(self.wsi) }
        return true
    }

    private func writeFrame(of message: inout Outgoing) -> Bool {
        let isFirst = message.offset == Self.prefix.count
        let remaining = message.bytes.count - message.offset
        let size = min(remaining, self.route.fragmentSize)
        var kind = isFirst ? (message.isText ? LWS_WRITE_TEXT : LWS_WRITE_BINARY) : LWS_WRITE_CONTINUATION
        if size < remaining { kind.rawValue |= LWS_WRITE_NO_FIN.rawValue }
        self.marksFrame = isFirst && message.isCompressed
        defer { self.marksFrame = false }
        let offset = message.offset
        message.offset += size
        return message.bytes.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return false }
            return lws_write(self.wsi, start + offset, size, kind) >= 0
        }
    }
}
