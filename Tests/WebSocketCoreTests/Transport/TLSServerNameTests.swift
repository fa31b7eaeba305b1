import Testing
import WebSocketCore

@Suite("Whom a certificate has to name")
struct TLSServerNameTests {
    @Test(arguments: [
        ("example.com", TLSServerName.dns("example.com")), ("Example.COM.", .dns("Example.COM")),
        ("localhost", .dns("localhost")),
        ("xn--bcher-kva.example", .dns("xn--bcher-kva.example")), ("_mqtt.example", .dns("_mqtt.example")),
        ("127.0.0.1", .address("127.0.0.1")), ("::1", .address("::1")), ("fe80::1%eth0", .address("fe80::1")),
        // No address in its usual notation: to be verified as a name, which no certificate should have.
        ("127.1", .dns("127.1")),
    ])
    func `is a name or an address`(text: String, name: TLSServerName) {
        #expect(TLSServerName(text) == name)
        #expect(TLSServerName(text)?.text == name.text)
    }

    /// OpenSSL reads a dot in front as "any name below".
    @Test(arguments: [
        "", ".", "..", ".example.com", "a..b", "a b", "a\u{0}", "\u{0}", "ex\u{e4}mple", "*.example.com", "a/b",
        "::1%\u{0}", "1::2::3",
        "[::1]", "a:b",
    ])
    func `is nothing that OpenSSL could misread`(text: String) {
        #expect(TLSServerName(text) == nil)
    }

    @Test func `has at most 253 bytes, and 63 in each label`() {
        let label = String(repeating: "a", count: 63)
        let name = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
        #expect(name.utf8.count == 253)
        #expect(TLSServerName(name) == .dns(name))
        #expect(TLSServerName(name + ".") == .dns(name))
        #expect(TLSServerName(name + "b") == nil)
        #expect(TLSServerName(label + "a.example") == nil)
    }

    @Test func `is fit for a message when it is printable`() {
        #expect("a\n\u{1B}[31m\"b\u{0}".printable == "a\u{FFFD}\u{FFFD}[31m\u{FFFD}b\u{FFFD}")
        #expect(String(repeating: "x", count: 300).printable == String(repeating: "x", count: 256) + "…")
    }
}
