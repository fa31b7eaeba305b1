import TestSupport
import Testing

@testable import WebSocketCore

@Suite("CONNECT")
struct ProxyHandshakeTests {
    typealias Outcome = ProxyHandshake.Outcome

    private func handshake(headLimit: Int = 1_024, bodyLimit: Int = 16) -> ProxyHandshake {
        ProxyHandshake(
            target: Endpoint(host: "example.com", port: 443),
            authorization: nil,
            maximumHeadSize: headLimit,
            maximumBodySize: bodyLimit
        )
    }

    @Test func `the request`() {
        func request(_ host: String, _ authorization: String?) -> String {
            let handshake = ProxyHandshake(
                target: Endpoint(host: host, port: 8443),
                authorization: authorization,
                maximumHeadSize: 1,
                maximumBodySize: 1
            )
            return String(decoding: handshake.request, as: UTF8.self)
        }
        #expect(
            request("example.com", nil) == "CONNECT example.com:8443 HTTP/1.1\r\nHost: example.com:8443\r\n\r\n"
        )
        #expect(
            request("::1", "Basic YTpi")
                == "CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\nProxy-Authorization: Basic YTpi\r\n\r\n"
        )
    }

    /// Each with its outcome when all has come, and then with that at the end of the connection.
    private static let answers: [(answer: String, whole: Outcome?, ended: Outcome?)] = [
        ("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n", .established, nil),
        ("HTTP/1.0 200\n\n", .established, nil),
        ("HTTP/1.1 204 No\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", .established, nil),
        ("HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", .established, nil),
        ("HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\n01234", .refused(bodyPrefix: Array("01234".utf8)), nil),
        ("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", .refused(bodyPrefix: []), nil),
        ("HTTP/1.1 101 Yes\r\nUpgrade: x\r\n\r\n", .refused(bodyPrefix: []), nil),
        ("HTTP/1.1 502 No\r\n\r\nabc", nil, .refused(bodyPrefix: Array("abc".utf8))),
        ("HTTP/1.1 502 No\r\n\r\n", nil, .refused(bodyPrefix: [])),
        ("HTTP/1.1 502 No\r\n\r\n0123456789abcdefg", .refused(bodyPrefix: Array("0123456789abcdef".utf8)), nil),
        (
            "HTTP/1.1 502 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x\r\nd\r\n0\r\n\r\n",
            .refused(bodyPrefix: Array("abcd".utf8)), nil
        ),
        ("", nil, .failed("gone")), ("HTTP/1.1 200 OK\r\n", nil, .failed("gone")),
        ("HTTP/1.1 100 Go\r\n\r\n", nil, .failed("gone")),
    ]

    @Test(arguments: answers.indices)
    func `an answer in whatever pieces it comes`(index: Int) {
        let (answer, whole, ended) = Self.answers[index]
        let bytes = Array(answer.utf8)
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for trial in 0..<50 {
            var handshake = self.handshake()
            var rest = bytes[...]
            var outcome: Outcome?
            while !rest.isEmpty, outcome == nil {
                let size =
                    switch trial {
                    case 0: bytes.count
                    case 1: 1
                    default: Int.random(in: 1...20, using: &random)
                    }
                outcome = handshake.received(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            #expect(outcome == whole, "seed \(seed), trial \(trial)")
            if let ended { #expect(handshake.ended("gone") == ended) }
            if case .refused? = outcome { #expect(handshake.refusal != nil) }
            if outcome == .established { #expect(handshake.refusal == nil) }
        }
    }

    @Test func `the head of a refusal is known before its body has come`() {
        var handshake = self.handshake()
        #expect(handshake.received(Array("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-".utf8)) == nil)
        #expect(handshake.refusal == nil)
        #expect(handshake.received(Array("Length: 5\r\n\r\n01".utf8)) == nil)
        #expect(handshake.refusal?.status == 407)
        #expect(handshake.refusal?.headers["proxy-authenticate"] == "Basic")
    }

    @Test(arguments: [
        ("SSH-2.0-x", "not HTTP"), ("\0", "not HTTP"), ("HTTP/1.1 20 OK\r\n", "not HTTP"),
        ("HTTP/2 200\r\n", "not HTTP"),
        ("HTTP/1.1 200 OK\r\nA b\r\n", "not HTTP"), ("HTTP/1.1 200 OK\r\n\r\nx", "1 bytes behind"),
        ("HTTP/1.1 200 OK\r\nA: " + String(repeating: "b", count: 2_000), "1024 bytes"),
        (String(repeating: "HTTP/1.1 100 Go\r\n\r\n", count: 60), "1024 bytes"),
    ])
    func `what is no answer fails as soon as it can`(answer: String, words: String) {
        var handshake = self.handshake()
        guard case .failed(let message)? = handshake.received(Array(answer.utf8)) else {
            Issue.record("it did not fail")
            return
        }
        #expect(message.contains(words), "\(message)")
        #expect(handshake.received(Array("HTTP/1.1 200 OK\r\n\r\n".utf8)) == nil)
    }

    /// What only seems to be the tunnel's is the server's first word, when it comes later.
    @Test func `nothing is read beyond the head`() {
        var handshake = self.handshake(bodyLimit: 0)
        #expect(
            handshake.received(Array("HTTP/1.1 502 No\r\nContent-Length: 5\r\n\r\n".utf8)) == .refused(bodyPrefix: [])
        )
    }

    @Test func `random bytes neither crash nor go on for ever`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var handshake = self.handshake()
            var outcome = handshake.received(Array("HTTP/1.1 4".utf8))
            for _ in 0..<200 where outcome == nil {
                let alphabet = Array("0123456789 \r\n:abcHTP/.,;\t\0".utf8)
                let bytes = (0..<random.next() % 30).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
                outcome = handshake.received(bytes)
            }
            #expect(outcome != nil || handshake.refusal != nil, "seed \(seed)")
        }
    }
}
