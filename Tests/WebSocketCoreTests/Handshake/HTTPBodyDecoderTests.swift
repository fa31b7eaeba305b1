import TestSupport
import Testing
import WebSocketCore

@Suite("The body of an HTTP response")
struct HTTPBodyDecoderTests {
    struct Outcome: Equatable {
        var body: String
        var isComplete: Bool
    }

    private func decoded(
        _ headers: HTTPFields,
        _ text: String,
        status: Int = 400,
        slices: Int = .max,
        limit: Int = 1_000
    ) -> Outcome {
        var decoder = HTTPBodyDecoder(head: HTTPResponseHead(status: status, headers: headers))
        var body: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            decoder.decode(rest.prefix(slices), into: &body, limit: limit)
            rest = rest.dropFirst(slices)
        }
        return Outcome(body: String(decoding: body, as: UTF8.self), isComplete: decoder.isComplete)
    }

    @Test(
        arguments: [
            (["Content-Length": "5"], "hello", "hello", true), (["Content-Length": "5"], "hell", "hell", false),
            (["Content-Length": "5"], "hello world", "hello", true), (["Content-Length": "0"], "hello", "", true),
            (["Content-Length": "5, 5"], "hello world", "hello", true), ([:], "hello", "hello", false),
            (["Content-Length": "5, 6"], "hello", "hello", false), (["Content-Length": "-5"], "hello", "hello", false),
            (["Content-Length": "x"], "hello", "hello", false),
            (["Transfer-Encoding": "chunked"], "5\r\nhello\r\n0\r\n\r\n", "hello", true),
            (["Transfer-Encoding": "gzip, Chunked"], "5\r\nhello\r\n", "hello", false),
            (["Transfer-Encoding": "chunked", "Content-Length": "1"], "2\r\nhe\r\n3\r\nllo\r\n0\r\n", "hello", true),
            (["Transfer-Encoding": "chunked"], "5;a=b\r\nhello\r\n00\r\nX: y\r\n\r\n", "hello", true),
            (["Transfer-Encoding": "chunked"], "A\nhellohello\n0\n", "hellohello", true),
            (["Transfer-Encoding": "chunked"], "5 \r\nhello\r\nnonsense", "hello", true),
            (["Transfer-Encoding": "chunked"], "5\r\nhellohello", "hello", true),
            (["Transfer-Encoding": "chunked"], "\r\nhello", "", true),
            (["Transfer-Encoding": "chunked"], "fffffffffffffffff\r\nhello", "", true),
            (["Transfer-Encoding": "gzip"], "hello", "hello", false),
        ] as [(HTTPFields, String, String, Bool)]
    )
    func `its end is where the framing says`(headers: HTTPFields, text: String, body: String, isComplete: Bool) {
        for slices in [Int.max, 1, 2, 3] {
            #expect(
                self.decoded(headers, text, slices: slices) == Outcome(body: body, isComplete: isComplete),
                "slices of \(slices)"
            )
        }
    }

    @Test(arguments: [103, 204, 304])
    func `some statuses have none`(status: Int) {
        let headers: HTTPFields = ["Content-Length": "5"]
        #expect(self.decoded(headers, "hello", status: status) == Outcome(body: "", isComplete: true))
    }

    @Test func `the limit bounds what is kept, not what is understood`() {
        let text = "5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"
        for limit in 0...10 {
            let outcome = self.decoded(["Transfer-Encoding": "chunked"], text, slices: 4, limit: limit)
            #expect(outcome == Outcome(body: String("helloworld".prefix(limit)), isComplete: true))
        }
        #expect(self.decoded([:], "hello", limit: 2).body == "he")
        #expect(self.decoded(["Content-Length": "5"], "hello", limit: 2) == Outcome(body: "he", isComplete: true))
    }

    @Test func `random bytes in random slices do no harm`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        let pieces = ["0", "1", "f", "\r\n", "\n", ";x", " ", "hello", "\u{e9}", "\r"]
        for _ in 0..<2_000 {
            let count = Int.random(in: 0..<20, using: &generator)
            let text = (0..<count).reduce("") { text, _ in text + (pieces.randomElement(using: &generator) ?? "") }
            let headers: HTTPFields = ["Transfer-Encoding": "chunked"]
            let slices = Int.random(in: 1...5, using: &generator)
            #expect(
                self.decoded(headers, text, limit: 9) == self.decoded(headers, text, slices: slices, limit: 9),
                "seed \(seed): \(Array(text.utf8))"
            )
        }
    }
}
