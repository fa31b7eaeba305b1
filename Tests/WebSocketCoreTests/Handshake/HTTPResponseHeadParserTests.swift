import TestSupport
import Testing

@testable import WebSocketCore

@Suite("The head of an HTTP response")
struct HTTPResponseHeadParserTests {
    typealias Parser = HTTPResponseHeadParser

    /// What a parser makes of an input that comes in slices of these sizes, the last of them repeated.
    private func outcome(
        _ input: [UInt8],
        slices: [Int] = [.max],
        maximumSize: Int = 4_096,
        maximumFieldCount: Int = 100
    ) -> Result<Parser.Progress, Parser.Failure> {
        var parser = Parser(maximumSize: maximumSize, maximumFieldCount: maximumFieldCount)
        var rest = input[...]
        var consumed = 0
        var index = 0
        do throws(Parser.Failure) {
            repeat {
                let slice = Array(rest.prefix(slices[min(index, slices.count - 1)]))
                index += 1
                let progress = try parser.parse(slice)
                consumed += progress.consumed
                if progress.head != nil || rest.isEmpty {
                    return .success(Parser.Progress(consumed: consumed, head: progress.head))
                }
                rest = rest.dropFirst(slice.count)
            } while true
        } catch {
            return .failure(error)
        }
    }

    private func outcome(_ text: String) -> Result<Parser.Progress, Parser.Failure> { self.outcome(Array(text.utf8)) }

    private func head(_ text: String) throws -> HTTPResponseHead {
        try #require(try self.outcome(text).get().head)
    }

    private func failure(_ text: String) -> Parser.Failure? {
        guard case .failure(let failure) = self.outcome(text) else { return nil }
        return failure
    }

    // MARK: What is taken

    @Test func `status, version and fields in order`() throws {
        let head = try self.head(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection:Upgrade\r\nX-A: 1\r\nx-a: 2\r\n\r\n"
        )
        #expect(head.status == 101)
        #expect(head.minorVersion == 1)
        #expect(head.headers.map(\.name) == ["Upgrade", "Connection", "X-A", "x-a"])
        #expect(head.headers.map(\.value) == ["websocket", "Upgrade", "1", "2"])
    }

    @Test func `what follows the head is left`() throws {
        let text = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
        let progress = try self.outcome(text + "rest").get()
        #expect(progress.consumed == text.utf8.count)
        #expect(progress.head?.status == 200)
    }

    @Test func `nothing is taken behind the end`() throws {
        var parser = Parser(maximumSize: 100)
        let head = try parser.parse(Array("HTTP/1.1 200 OK\r\n\r\n".utf8)).head
        #expect(try parser.parse(Array("HTTP".utf8)) == Parser.Progress(consumed: 0, head: head))
        #expect(head != nil)
    }

    @Test(arguments: [
        "HTTP/1.1 407 \r\n\r\n", "HTTP/1.1 407\r\n\r\n", "HTTP/1.1   407\t No\r\n\r\n", "HTTP/1.1 407 No no\n\n",
        "HTTP/1.1 407 K\u{e9}in\r\n\r\n", "HTTP/1.1 407 No\r\n\n", "HTTP/1.1 407 No\n\r\n",
    ])
    func `unusual status lines and line ends`(text: String) throws {
        #expect(try self.head(text) == HTTPResponseHead(status: 407, headers: HTTPFields()))
    }

    @Test func `an older version is told`() throws {
        #expect(try self.head("HTTP/1.0 200 OK\r\n\r\n").minorVersion == 0)
    }

    @Test(arguments: [
        ("a: b\r\n", "b"), ("a:b\r\n", "b"), ("a: \t b c \t\r\n", "b c"), ("a:\r\n", ""), ("a:   \r\n", ""),
        ("a: b\n", "b"), ("a: b\r\n c\r\n", "b c"), ("a: b \r\n\t  c\r\n \r\n  d \r\n", "b c d"), ("a:\r\n b\r\n", "b"),
        ("a: b: c\r\n", "b: c"), ("a: \u{e9}\r\n", "\u{e9}"),
    ])
    func `values lose white space and folds`(field: String, value: String) throws {
        let head = try self.head("HTTP/1.1 200 OK\r\n\(field)z: end\r\n\r\n")
        #expect(head.headers.map(\.name) == ["a", "z"])
        #expect(head.headers["a"] == value)
    }

    @Test func `bytes that are not UTF-8 do no harm`() throws {
        let progress = try self.outcome(Array("HTTP/1.1 200 OK\r\na: ".utf8) + [0xe9, 0xff] + Array("\r\n\r\n".utf8))
            .get()
        #expect(progress.head?.headers["a"] == "\u{fffd}\u{fffd}")
    }

    // MARK: What is refused

    @Test(arguments: [
        ("SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.x"), ("\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.x"),
        ("HTTP/2 200 OK\r\n\r\n", "HTTP/1.x"), ("http/1.1 200 OK\r\n\r\n", "HTTP/1.x"), ("HTTP/1.\r\n", "version"),
        ("HTTP/1.10 200 OK\r\n\r\n", "version"), ("HTTP/1.1\r\n\r\n", "version"), ("HTTP/1.1 \r\n\r\n", "status"),
        ("HTTP/1.1 20 OK\r\n\r\n", "status"), ("HTTP/1.1 2000 OK\r\n\r\n", "status"),
        ("HTTP/1.1 2x0 OK\r\n\r\n", "status"), ("HTTP/1.1 099 OK\r\n\r\n", "status"),
        ("HTTP/1.1 200 O\u{0}K\r\n\r\n", "reason"), ("HTTP/1.1 200 O\rK\r\n\r\n", "reason"),
        ("HTTP/1.1 200 OK\r\n folded: x\r\n\r\n", "first field"), ("HTTP/1.1 200 OK\r\nnothing\r\n\r\n", "no colon"),
        ("HTTP/1.1 200 OK\r\n: x\r\n\r\n", "no name"), ("HTTP/1.1 200 OK\r\na : x\r\n\r\n", "space"),
        ("HTTP/1.1 200 OK\r\na b: x\r\n\r\n", "space"), ("HTTP/1.1 200 OK\r\n\u{e9}: x\r\n\r\n", "0xc3"),
        ("HTTP/1.1 200 OK\r\na: secret\u{0}\r\n\r\n", "NUL"), ("HTTP/1.1 200 OK\r\na: secret\rb\r\n\r\n", "CR"),
        ("HTTP/1.1 200 OK\r\na: secret\r\r\n\r\n", "CR"), ("HTTP/1.1 200 OK\r\na: b\r\n secret\u{7f}\r\n\r\n", "0x7f"),
    ])
    func `what breaks the grammar is named`(text: String, words: String) throws {
        let failure = try #require(self.failure(text))
        #expect(failure.kind == .syntax)
        #expect(failure.description.contains(words), "\(failure)")
        #expect(!failure.description.contains("secret"))
    }

    @Test func `another protocol is refused before its line ends`() {
        #expect(self.failure("S")?.kind == .syntax)
        #expect(self.failure("HTTP/1.")?.kind == nil)
    }

    @Test func `a failure stays`() throws {
        var parser = Parser(maximumSize: 100)
        let first = #expect(throws: Parser.Failure.self) { try parser.parse(Array("X".utf8)) }
        let second = #expect(throws: Parser.Failure.self) { try parser.parse(Array("HTTP/1.1 200 OK\r\n\r\n".utf8)) }
        #expect(first == second)
    }

    // MARK: Limits

    @Test func `the size limit counts to the last byte`() throws {
        let input = Array("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody".utf8)
        let size = input.count - 4
        #expect(try self.outcome(input, maximumSize: size).get().consumed == size)
        for limit in 0..<size {
            guard case .failure(let failure) = self.outcome(input, maximumSize: limit) else {
                Issue.record("a head of \(size) bytes passed the limit of \(limit)")
                continue
            }
            #expect(failure.kind == .limit)
            #expect(failure.description.contains("\(limit) bytes"))
        }
    }

    @Test(arguments: ["HTTP/1.1 200 ", "HTTP/1.1 200 OK\r\na: ", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\na: b\r\n"])
    func `a head without end is cut off`(beginning: String) throws {
        var parser = Parser(maximumSize: 10_000)
        let more: [UInt8] =
            beginning.hasSuffix("b\r\n")
            ? Array(" x\r\n".utf8) : beginning.hasSuffix("OK\r\n") ? Array("a:\r\n".utf8) : [120]
        _ = try parser.parse(Array(beginning.utf8))
        let failure = #expect(throws: Parser.Failure.self) {
            for _ in 0..<20_000 { _ = try parser.parse(more) }
        }
        #expect(failure?.kind == .limit)
    }

    @Test func `the number of fields is limited`() throws {
        let fields = String(repeating: "a:\r\n", count: 5)
        let input = Array("HTTP/1.1 200 OK\r\n\(fields)\r\n".utf8)
        #expect(try self.outcome(input, maximumFieldCount: 5).get().head?.headers.count == 5)
        guard case .failure(let failure) = self.outcome(input, maximumFieldCount: 4) else {
            Issue.record("five fields passed a limit of four")
            return
        }
        #expect(failure.kind == .limit)
    }

    // MARK: Slices

    private static let samples = [
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\nrest",
        "HTTP/1.0 200\nA: b\n c\n \nD:\n\nrest", "HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\na b: c\r\n\r\n", "HTTPS",
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n\r\n",
    ]

    @Test(arguments: samples)
    func `any slices give what the whole gives`(text: String) {
        let input = Array(text.utf8)
        for limit in [4_096, 3, 20, 26] {
            let whole = self.outcome(input, maximumSize: limit)
            for size in 1...input.count {
                #expect(self.outcome(input, slices: [size], maximumSize: limit) == whole, "slices of \(size)")
            }
            for size in 0...input.count {
                #expect(self.outcome(input, slices: [size, .max], maximumSize: limit) == whole, "split at \(size)")
            }
        }
    }

    @Test func `random inputs in random slices give what the whole gives`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        let pieces = [
            "HTTP/1.1 ", "HTTP/1.0 ", "200", "101", " ", "\t", "OK", "\r\n", "\r\n", "\n", "\r", "a", "name", ":", ": ",
            "value", ",", "\u{0}", "\u{e9}", "\r\n\r\n",
        ]
        for _ in 0..<3_000 {
            let start = Int.random(in: 0..<8, using: &generator) == 0 ? "" : "HTTP/1.1 200 OK\r\n"
            let count = Int.random(in: 0..<24, using: &generator)
            let text = (0..<count).reduce(start) { text, _ in text + (pieces.randomElement(using: &generator) ?? "") }
            let slices =
                (0..<8).map { _ in Int.random(in: 0...9, using: &generator) } + [
                    Int.random(in: 1...9, using: &generator)
                ]
            let limit = Int.random(in: 0..<80, using: &generator)
            let input = Array(text.utf8)
            let whole = self.outcome(input, maximumSize: limit, maximumFieldCount: 3)
            let sliced = self.outcome(input, slices: slices, maximumSize: limit, maximumFieldCount: 3)
            #expect(whole == sliced, "seed \(seed): \(input) limit \(limit) slices \(slices)")
        }
    }
}
