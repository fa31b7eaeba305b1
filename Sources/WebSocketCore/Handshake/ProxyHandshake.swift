/// The client's side of HTTP CONNECT (RFC 9110 section 9.3.6): the request, and the proxy's answer in whatever pieces it
/// comes. No I/O: bytes in, an outcome out.
package struct ProxyHandshake: Sendable {
    /// How the exchange with the proxy ended.
    package enum Outcome: Hashable, Sendable {
        /// The tunnel is there: what is read and written from here on is the server's.
        case established
        /// The proxy answered, and not with a tunnel.
        case refused(WebSocketError.Handshake)
        /// The proxy's answer cannot be understood; in words.
        case failed(String)
    }

    private enum State {
        case head(HTTPResponseHeadParser)
        case refusal(HTTPBodyReader)
        case ended
    }

    /// What is to be sent, byte for byte.
    package let request: [UInt8]
    /// What the proxy has refused with, as far as it has come; nil while its answer's head has not ended.
    package private(set) var refusal: WebSocketError.Handshake?

    private let maximumHeadSize: Int
    private let maximumBodySize: Int
    /// Left of ``maximumHeadSize``: interim responses count as well, or a proxy could send them for ever.
    private var headRoom: Int
    private var state: State

    /// - Parameters:
    ///   - target: the server.
    ///   - authorization: the value of `Proxy-Authorization`.
    ///   - maximumHeadSize: of the answer, interim ones included, in bytes.
    ///   - maximumBodySize: how many bytes of a refusal's body are kept.
    package init(target: Endpoint, authorization: String?, maximumHeadSize: Int, maximumBodySize: Int) {
        self.request = Self.request(target.authority, authorization)
        self.maximumHeadSize = maximumHeadSize
        self.maximumBodySize = maximumBodySize
        self.headRoom = maximumHeadSize
        self.state = .head(HTTPResponseHeadParser(maximumSize: maximumHeadSize))
    }

    private static func request(_ authority: String, _ authorization: String?) -> [UInt8] {
        var text = "CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n"
        if let authorization { text += "Proxy-Authorization: \(authorization)\r\n" }
        return Array((text + "\r\n").utf8)
    }

    /// Bytes have come.
    ///
    /// - Returns: nil if more are needed.
    package mutating func received(_ bytes: [UInt8]) -> Outcome? {
        var rest = bytes
        while !rest.isEmpty {
            switch self.state {
            case .head(var parser):
                do throws(HTTPResponseHeadParser.Failure) {
                    let progress = try parser.parse(rest)
                    self.headRoom -= progress.consumed
                    rest.removeFirst(progress.consumed)
                    self.state = .head(parser)
                    guard let head = progress.head else { return nil }
                    if let outcome = self.headEnded(head, followedBy: rest.count) { return outcome }
                } catch {
                    self.state = .ended
                    return .failed(self.words(for: error))
                }
            case .refusal(var reader):
                let part = reader.read(rest)
                self.refusal?.bodyPrefix += part
                self.state = .refusal(reader)
                return self.refusalIfWhole(reader)
            case .ended:
                return nil
            }
        }
        return nil
    }

    /// The proxy has ended the connection, in order or not.
    package mutating func ended() -> Outcome {
        defer { self.state = .ended }
        if let refusal { return .refused(refusal) }
        return .failed("it ended the connection without an answer")
    }

    private mutating func headEnded(_ head: HTTPResponseHead, followedBy count: Int) -> Outcome? {
        switch head.status {
        case 100...199 where head.status != 101:
            // An interim response; the answer is still to come.
            self.state = .head(HTTPResponseHeadParser(maximumSize: self.headRoom))
            return nil
        case 200...299:
            // Content-Length and Transfer-Encoding of such an answer mean nothing (RFC 9110 section 9.3.6).
            self.state = .ended
            // A server that waits for our first bytes cannot have sent these: they would be taken for its own.
            return count == 0 ? .established : .failed("it sent \(count) bytes behind its answer, before the server could")
        default:
            self.refusal = WebSocketError.Handshake(status: head.status, headers: head.headers, bodyPrefix: [])
            let reader = HTTPBodyReader(head, limit: self.maximumBodySize)
            self.state = .refusal(reader)
            return self.refusalIfWhole(reader)
        }
    }

    private mutating func refusalIfWhole(_ reader: HTTPBodyReader) -> Outcome? {
        guard reader.isFinished, let refusal else { return nil }
        self.state = .ended
        return .refused(refusal)
    }

    private func words(for failure: HTTPResponseHeadParser.Failure) -> String {
        switch failure.kind {
        case .limit:
            "the head of its answer is over the limits of \(self.maximumHeadSize) bytes and "
                + "\(HTTPResponseHeadParser.maximumFieldCount) fields"
        case .syntax:
            "its answer is not HTTP: \(failure.description)"
        }
    }
}
