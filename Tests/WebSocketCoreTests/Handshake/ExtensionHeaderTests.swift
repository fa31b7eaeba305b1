import Testing
import WebSocketCore

@Suite struct ExtensionHeaderTests {
    typealias Parameter = ExtensionHeader.Parameter

    @Test(
        arguments: [
            ([], []),
            ([""], []),
            ([" \t,, ,"], []),
            (["foo"], [ExtensionHeader(name: "foo")]),
            (["foo, bar"], [ExtensionHeader(name: "foo"), ExtensionHeader(name: "bar")]),
            (["foo", "bar"], [ExtensionHeader(name: "foo"), ExtensionHeader(name: "bar")]),
            ([",\tfoo ,,bar,"], [ExtensionHeader(name: "foo"), ExtensionHeader(name: "bar")]),
            (
                ["foo;a;b=1 ; c = \"2\"\t;d=\"x\\yz\""],
                [
                    ExtensionHeader(
                        name: "foo",
                        parameters: [
                            Parameter(name: "a"), Parameter(name: "b", value: "1"), Parameter(name: "c", value: "2"),
                            Parameter(name: "d", value: "xyz"),
                        ]
                    )
                ]
            ),
            (
                ["foo; a, foo; a=1, !#$%&'*+-.^_`|~9aZ"],
                [
                    ExtensionHeader(name: "foo", parameters: [Parameter(name: "a")]),
                    ExtensionHeader(name: "foo", parameters: [Parameter(name: "a", value: "1")]),
                    ExtensionHeader(name: "!#$%&'*+-.^_`|~9aZ"),
                ]
            ),
        ] as [([String], [ExtensionHeader])]
    )
    func parses(lines: [String], expected: [ExtensionHeader]) throws {
        #expect(try ExtensionHeader.parse(lines) == expected)
    }

    @Test(arguments: [
        ("foo bar", "it has 'b' (0x62) at byte 4 where ',' or ';' should be"),
        ("foo;", "it ends where a parameter's name should be"),
        ("foo; ;a", "it has ';' (0x3b) at byte 5 where a parameter's name should be"),
        ("foo; a=", "it ends where a parameter's value should be"),
        ("foo; a=,b", "it has ',' (0x2c) at byte 7 where a parameter's value should be"),
        ("foo; =1", "it has '=' (0x3d) at byte 5 where a parameter's name should be"),
        ("foo=1", "it has '=' (0x3d) at byte 3 where ',' or ';' should be"),
        (";a", "it has ';' (0x3b) at byte 0 where an extension's name should be"),
        ("\"foo\"", "it has '\"' (0x22) at byte 0 where an extension's name should be"),
        ("foo; a=\"1", "a quoted value has no end"),
        ("foo; a=\"1\\", "a quoted value has '\\' (0x5c) in it"),
        ("foo; a=\"\"", "a quoted value is empty"),
        ("foo; a=\"1 2\"", "a quoted value has a space (0x20) in it"),
        ("foo; a=\"1\\\"\"", "a quoted value has '\"' (0x22) in it"),
        ("foo; a=\"1\"2", "it has '2' (0x32) at byte 10 where ',' or ';' should be"),
        ("fo\u{e9}", "it has byte 0xc3 at byte 2 where ',' or ';' should be"),
        ("foo\u{0}", "it has NUL (0x00) at byte 3 where ',' or ';' should be"),
    ])
    func refuses(line: String, reason: String) throws {
        let error = try #require(throws: ExtensionHeader.SyntaxError.self) { try ExtensionHeader.parse(["ok", line]) }
        #expect(error.description == reason)
    }

    @Test func describesItselfAsInTheHeader() throws {
        let text = "permessage-deflate; server_no_context_takeover; client_max_window_bits=10"
        #expect(try ExtensionHeader.parse([text]).map(\.description) == [text])
    }
}
