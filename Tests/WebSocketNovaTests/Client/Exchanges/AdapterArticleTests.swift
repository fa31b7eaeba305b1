import Testing

/// The code of the article on testing is code that is compiled and run: that of `AdapterExample.swift`.
@Suite("What the documentation shows of an adapter and its tests")
struct AdapterArticleTests {
    private func lines(of path: String) throws -> [String] {
        let tests = "/Tests/WebSocketNovaTests/"
        let file = #filePath
        let root = file[..<(try #require(file.firstRange(of: tests))).lowerBound]
        let text = try TemporaryDirectory.text("\(root)/\(path)")
        // Indentation and rows of the checklist aside.
        return text.split(separator: "\n").map { line in
            String(line.drop { $0 == " " }.replacing("`F87 ", with: "`"))
        }
    }

    @Test("F87: each line of code in the article's section on adapters is one of the example, in order")
    func section() throws {
        let article = try self.lines(of: "Sources/WebSocketNovaTesting/Documentation.docc/TestingYourAdapter.md")
        let example = try self.lines(of: "Tests/WebSocketNovaTests/Client/Exchanges/AdapterExample.swift")
        let begin = try #require(article.firstIndex(of: "### An adapter"))
        let section = article[(begin + 1)...].prefix { !$0.hasPrefix("### ") }
        let blocks = section.split { $0.hasPrefix("```") }.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        #expect(blocks.count == 3)
        var rest = example[...]
        for block in blocks {
            let place = try #require(rest.firstRange(of: block), "\(block.first ?? "")")
            rest = rest[place.upperBound...]
        }
    }
}
