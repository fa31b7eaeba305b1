import TestSupport
import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("JSON text", .timeLimit(.minutes(5)))
struct JSONValueTextTests {
    // MARK: Cases

    @Test(
        arguments: [
            ("null", nil), (" \n\r\t true ", true), ("false", false), ("\"\"", ""), ("[]", []), ("{}", [:]),
            ("[ ]", []),
            ("{ }", [:]), ("[[],{}]", [[], [:]]), ("{\"a\":{\"b\":[1,\"x\",null]}}", ["a": ["b": [1, "x", nil]]]),
            ("{\"a\":1,\"b\":2,\"a\":3}", ["a": 3, "b": 2]), ("{\"\":0}", ["": 0]),
            ("[ 1 , 2 ]", [1, 2]), ("{ \"a\" : 1 , \"b\" : [ ] }", ["a": 1, "b": []]),
        ] as [(String, JSONValue)]
    )
    func `values`(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
        #expect(try JSONValue(parsing: Array(text.utf8)) == value)
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("1", 1), ("-1", -1), ("9223372036854775807", .integer(.max)),
            ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .number(9.223372036854775808e18)),
            ("-9223372036854775809", .number(-9.223372036854775808e18)),
            ("18446744073709551616", .number(1.8446744073709551616e19)), ("1.0", 1.0), ("-0.0", .number(-0.0)),
            ("1.5", 1.5), ("1e3", 1000.0), ("1E+3", 1000.0), ("1e-3", 0.001), ("0e5", 0.0), ("0.1", 0.1),
            ("8950.5", 8950.5), ("123456789012345678", 123_456_789_012_345_678),
            ("0.30000000000000004", 0.30000000000000004),
            ("9007199254740993.0", 9007199254740992.0),
            ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)),
            ("1e23", 1e23), ("8.5e22", 8.5e22), ("1e-400", 0.0), ("0.000000000000000000000001e24", 1.0),
            ("1e00000000000000000000001", 10.0), ("0e99999999999999999999", 0.0),
        ] as [(String, JSONValue)]
    )
    func `numbers`(text: String, value: JSONValue) throws {
        let read = try JSONValue(parsing: text)
        #expect(read == value)
        if case .number(let number) = value { #expect(read.number?.sign == number.sign) }
    }

    @Test(
        arguments: [
            "5e-324", "4.9406564584124654e-324", "2.2250738585072011e-308", "2.4703282292062327e-324", "1e-323",
            "179769313486231580793728971405301e276", "0.1e1", "7.0e-10", "9007199254740991e22", "9007199254740993e-22",
        ]
    )
    func `numbers are rounded as the standard library rounds them`(text: String) throws {
        #expect(try JSONValue(parsing: text).number == Double(text))
    }

    @Test(
        arguments: [
            (#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{C}\n\r\tz"), (#""\u0041\u00e9\u20AC""#, "A\u{E9}\u{20AC}"),
            (#""\ud83d\ude00""#, "\u{1F600}"), (#""\uD800\uDC00\uDBFF\uDFFF""#, "\u{10000}\u{10FFFF}"),
            (#""\u0000x""#, "\u{0}x"), (#""\uFFFF""#, "\u{FFFF}"), ("\"\u{7F}\u{2028}é😀\"", "\u{7F}\u{2028}é😀"),
            (#""é\né""#, "é\né"),
        ] as [(String, String)]
    )
    func `strings`(text: String, value: String) throws {
        let read = try #require(try JSONValue(parsing: text).string)
        #expect(Array(read.utf8) == Array(value.utf8))
        #expect(try JSONValue(parsing: JSONValue.string(value).text()) == .string(value))
    }

    @Test(
        arguments: [
            ("", 0), ("  ", 2), ("nul", 3), ("nulL", 3), ("True", 0), ("'a'", 0), ("{", 1), ("[", 1), ("[1", 2),
            ("[1,", 3),
            ("[1,]", 3), ("[,1]", 1), ("[1 2]", 3), ("[1}", 2), ("{\"a\"", 4), ("{\"a\":", 5), ("{\"a\":1", 6),
            ("{\"a\":1,", 7), ("{\"a\":1,}", 7), ("{a:1}", 1), ("{1:1}", 1), ("{\"a\" 1}", 5), ("{\"a\":1]", 6),
            ("1 1", 2),
            ("[]]", 2), ("nullx", 4), ("01", 0), ("-01", 1), ("-", 1), ("+1", 0), (".5", 0), ("1.", 2), ("1.e1", 2),
            ("1e", 2),
            ("1e+", 3), ("--1", 1), ("0x10", 1), ("NaN", 0), ("Infinity", 0), ("-Infinity", 1), ("1e400", 0),
            ("[-1e400]", 1), ("\"", 1), ("\"a", 2), ("\"a\u{0}\"", 2), ("\"\n\"", 1), ("\"é\t\"", 3), (#""\"#, 1),
            (#""\""#, 3), (#""\x""#, 1), (#""\u12""#, 1), (#""\u12G4""#, 1), (#""\ud800""#, 1), (#""a\udc00""#, 2),
            (#""\ud800x""#, 1), (#""\ud800\n""#, 1), (#""\ud800\ud800""#, 1), (#""\ud800\u0041""#, 1),
            (#""\ud800\"#, 1),
            ("/* */ 1", 0), ("[1] // x", 4), ("\u{FEFF}1", 0), ("1\u{A0}", 1),
        ] as [(String, Int)]
    )
    func `what is no JSON is refused with its place`(text: String, offset: Int) {
        let error = #expect(throws: WebSocketError.self) { try JSONValue(parsing: text) }
        #expect(error?.code == .invalidMessage)
        #expect(error?.message.hasSuffix(", at byte \(offset)") == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [([0x22, 0x61, 0xFF, 0x22], 2), ([0x22, 0xC3, 0x22], 1), ([0x22, 0xED, 0xA0, 0x80, 0x22], 1)])
    func `what is not UTF-8 is refused with its place`(bytes: [UInt8], offset: Int) {
        let error = #expect(throws: WebSocketError.self) { try JSONValue(parsing: bytes) }
        #expect(error?.message == "not JSON: not UTF-8, at byte \(offset)")
    }

    @Test func `nothing of the text is in the error`() {
        let error = #expect(throws: WebSocketError.self) { try JSONValue(parsing: "{\"token\":\"s3cret\"") }
        #expect(error?.description.contains("s3cret") == false && error?.description.contains("token") == false)
    }

    @Test(arguments: [("[", "]"), ("{\"a\":", "}")])
    func `arrays and objects may be nested 512 deep and no deeper`(open: String, close: String) throws {
        func nested(_ depth: Int) -> String {
            String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
        }
        let deepest = try JSONValue(parsing: nested(512))
        #expect(try deepest.text() == nested(512))
        #expect(throws: WebSocketError.self) { try JSONValue(parsing: nested(513)) }
        #expect(throws: WebSocketError.self) { try JSONValue.array([deepest]).text() }
        #expect(throws: WebSocketError.self) { try JSONValue(parsing: String(repeating: open, count: 1_000_000)) }
        // Beside each other they may be as many as they like.
        let siblings = "[" + String(repeating: "\(open)1\(close),", count: 1000) + "1]"
        #expect(try JSONValue(parsing: siblings).array?.count == 1001)
    }

    @Test(
        arguments: [
            (["b": [true, nil], "a": "x/y"], "{\"a\":\"x/y\",\"b\":[true,null]}"), (5.0, "5"), (-0.5, "-0.5"),
            (1e300, "1e+300"),
            (.integer(.min), "-9223372036854775808"), ("\u{1}\u{1F}\u{7F}\"\\é", "\"\\u0001\\u001f\u{7F}\\\"\\\\é\""),
            ([], "[]"), ([:], "{}"),
        ] as [(JSONValue, String)]
    )
    func `values have one text`(value: JSONValue, text: String) throws {
        #expect(try value.text() == text)
    }

    @Test(arguments: [Double.infinity, -.infinity, .nan])
    func `a number that is not finite has no text`(number: Double) {
        let error = #expect(throws: WebSocketError.self) { try JSONValue.array([.number(number)]).text() }
        #expect(error?.code == .invalidMessage)
    }

    // MARK: Random values and texts

    /// Equal as JSON sees it, which has one kind of number.
    private static func isSame(_ left: JSONValue, _ right: JSONValue) -> Bool {
        switch (left, right) {
        case (.integer, .number), (.number, .integer), (.number, .number): left.number == right.number
        case (.array(let left), .array(let right)):
            left.count == right.count && zip(left, right).allSatisfy { Self.isSame($0, $1) }
        case (.object(let left), .object(let right)):
            left.count == right.count
                && left.allSatisfy { name, value in right[name].map { Self.isSame(value, $0) } ?? false }
        default: left == right
        }
    }

    private static func value(_ random: inout SeededGenerator, depth: Int = 0) -> JSONValue {
        func text() -> String {
            String(decoding: random.text(Int(random.next() % 12)), as: UTF8.self)
        }
        switch random.next() % (depth < 4 ? 9 : 7) {
        case 0: return .null
        case 1: return .bool(random.next() % 2 == 0)
        case 2: return .integer(Int64(truncatingIfNeeded: random.next()) >> Int64(random.next() % 64))
        case 3: return .number(Double(Int64(truncatingIfNeeded: random.next()) >> 40) / 100)
        case 4:
            let number = Double(bitPattern: random.next())
            return .number(number.isFinite ? number : 0.1)
        case 5: return .string(text())
        case 6: return .string(String(repeating: "\\\"\n\u{1}/", count: Int(random.next() % 4)))
        case 7: return .array((0..<random.next() % 6).map { _ in Self.value(&random, depth: depth + 1) })
        default:
            let members = (0..<random.next() % 6).map { _ in (text(), Self.value(&random, depth: depth + 1)) }
            return .object(Dictionary(members) { $1 })
        }
    }

    @Test(arguments: [1, 20_261_123] as [UInt64])
    func `random values are read and written as Foundation does`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for round in 0..<1500 {
            let value = Self.value(&random)
            let place = "seed \(seed), round \(round)"
            let text = try value.text()
            let read = try JSONValue(parsing: text)
            #expect(Self.isSame(read, value), "\(place)")
            #expect(try read.text() == text, "\(place)")
            #expect(Self.isSame(try JSONText.decode(JSONValue.self, from: text.utf8), value), "\(place)")
            let theirs = try JSONText.encode(value, pretty: round % 2 == 0)
            #expect(Self.isSame(try JSONValue(parsing: theirs), value), "\(place)")
        }
    }

    private static let texts = [
        #"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.raw","data":[{"id":1,"price":8950.5}]}}"#,
        #"[0,-1.5e+10,"\u00e9\ud83d\ude00\n",true,false,null,{"":{}},[[]]]"#,
        #" { "a" : [ 1 , 2.0 , 3e-2 ] , "é" : "\"\\\/" } "#,
        #""\ud800\udc00""#, "-9223372036854775808", "1.7976931348623157e308",
    ].map { Array($0.utf8) }

    private static func mutated(_ random: inout SeededGenerator) -> [UInt8] {
        var bytes = Self.texts[Int(random.next() % UInt64(Self.texts.count))]
        let likely = Array("{}[]\",:\\u0123456789eE+-.tfn \u{1}".utf8) + [0x80, 0xC3, 0xED, 0xFF]
        for _ in 0...random.next() % 3 {
            let place = Int(random.next() % UInt64(bytes.count + 1))
            let byte = likely[Int(random.next() % UInt64(likely.count))]
            switch random.next() % 5 {
            case 0: bytes.insert(byte, at: place)
            case 1: bytes.removeSubrange(place..<min(bytes.count, place + Int(random.next() % 4)))
            case 2: bytes.removeLast(bytes.count - place)
            case 3: bytes.insert(contentsOf: bytes.suffix(from: place).prefix(8), at: place)
            default: if place < bytes.count { bytes[place] = byte }
            }
        }
        return bytes
    }

    @Test(arguments: [7, 4_711] as [UInt64])
    func `damaged texts are refused or read, and what is read can be written`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var counts = (read: 0, refused: 0)
        for round in 0..<60_000 {
            let bytes = Self.mutated(&random)
            guard let value = try? JSONValue(parsing: bytes) else {
                counts.refused += 1
                continue
            }
            counts.read += 1
            let again = try JSONValue(parsing: try value.text())
            #expect(Self.isSame(again, value), "seed \(seed), round \(round): \(bytes)")
        }
        #expect(counts.read > 1000 && counts.refused > 1000, "seed \(seed): \(counts)")
    }

    @Test(arguments: [8] as [UInt64])
    func `of damaged texts Foundation reads the same ones`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for round in 0..<4000 {
            let bytes = Self.mutated(&random)
            // Foundation guesses at encodings other than UTF-8, which RFC 8259 section 8.1 does not allow.
            guard String(validating: bytes, as: UTF8.self) != nil else { continue }
            let ours = try? JSONValue(parsing: bytes)
            let theirs = try? JSONText.decode(JSONValue.self, from: bytes)
            switch (ours, theirs) {
            case (nil, nil): continue
            case (let ours?, let theirs?):
                #expect(
                    Self.isSame(ours, theirs),
                    "seed \(seed), round \(round): \(String(decoding: bytes, as: UTF8.self))"
                )
            default:
                Issue.record("seed \(seed), round \(round): \(String(decoding: bytes, as: UTF8.self)), \(ours == nil)")
            }
        }
    }
}
