/// The client's side of HTTP CONNECT (RFC 9110 section 9.3.6): the request, and the proxy's answer in whatever pieces it
/// comes. No I/O: bytes in, an outcome out.
package struct ProxyHandshake: Sendable {
    /// How the exchange with the proxy ended.
    package enum Outcome: Hashable, Sendable {
        /// The tunnel is there: what is read and written from here on is the server's.
        case established
        /// The proxy answered, and not with a tunnel: with ``ProxyHandshake/refusal``.
        case refused(bodyPrefix: [UInt8])
        /// The proxy's answer cannot be understood; in words.
        case failed(String)
    }

    private enum State {
        case head(HTTPResponseHeadParser)
        case refusal(HTTPBodyDecoder)
        case ended
    }

    /// What is to be sent, byte for byte.
    package let request: [UInt8]
    /// What the proxy refuses with; nil while the head of its answer has not ended.
    package private(set) var refusal: HTTPResponseHead?

    private let maximumHeadSize: Int
    private let maximumBodySize: Int
    /// Left of ``maximumHeadSize``: interim responses count as well, or a proxy could send them for ever.
    private var headRoom: Int
    private var state: State
    private var body: [UInt8] = []

    /// - Parameters:
    ///   - target: the server.
    ///   - authorization: the value of `Proxy-Authorization`.
    ///   - maximumHeadSize: of the answer, interim ones included, in bytes.
    ///   - maximumBodySize: how many bytes of a refusal's body are kept.
    package init(target: Endpoint, authorization: String?, maximumHeadSize: Int, maximumBodySize: Int) {
        self.request = Self.request(target, authorization)
        self.maximumHeadSize = maximumHeadSize
        self.maximumBodySize = maximumBodySize
        self.headRoom = maximumHeadSize
        self.state = .head(HTTPResponseHeadParser(maximumSize: maximumHeadSize))
    }

    /// The zone of an address stays here, where alone it means something (RFC 6874 section 3).
    private static func request(_ target: Endpoint, _ authorization: String?) -> [UInt8] {
        let isIPv6 = target.host.utf8.contains(UInt8(ascii: ":"))
        let authority = "\(isIPv6 ? "[\(target.host)]" : target.host):\(target.port)"
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
                // Not a copy: see to it that there is one only.
                self.state = .ended
                do throws(HTTPResponseHeadParser.Failure) {
                    let progress = try parser.parse(rest)
                    self.headRoom -= progress.consumed
                    rest.removeFirst(progress.consumed)
                    guard let head = progress.head else {
                        self.state = .head(parser)
                        return nil
                    }
                    if let outcome = self.headEnded(head, followedBy: rest.count) { return outcome }
                } catch {
                    return .failed(self.words(for: error))
                }
            case .refusal(var decoder):
                decoder.decode(rest, into: &self.body, limit: self.maximumBodySize)
                self.state = .refusal(decoder)
                return self.refusalIfWhole(decoder)
            case .ended:
                return nil
            }
        }
        return nil
    }

    /// The connection has ended, in order or not.
    package mutating func ended(_ words: String) -> Outcome {
        self.state = .ended
        return self.refusal == nil ? .failed(words) : .refused(bodyPrefix: self.body)
    }

    private mutating func headEnded(_ head: HTTPResponseHead, followedBy count: Int) -> Outcome? {
        switch head.status {
        case 100...199 where head.status != 101:
            // An interim response; the answer is still to come.
            self.state = .head(HTTPResponseHeadParser(maximumSize: self.headRoom))
            return nil
        case 200...299:
            // Content-Length and Transfer-Encoding of such an answer mean nothing (RFC 9110 section 9.3.6).
            // A server that waits for our first bytes cannot have sent these: they would be taken for its own.
            return count == 0
                ? .established : .failed("it sent \(count) bytes behind its answer, before the server could")
        default:
            self.refusal = head
            let decoder = HTTPBodyDecoder(head: head)
            self.state = .refusal(decoder)
            return self.refusalIfWhole(decoder)
        }
    }

    private mutating func refusalIfWhole(_ decoder: HTTPBodyDecoder) -> Outcome? {
        guard decoder.isComplete || self.body.count >= self.maximumBodySize else { return nil }
        self.state = .ended
        return .refused(bodyPrefix: self.body)
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
