import Testing
import WebSocketNova

@Suite("What the documentation says of the statuses")
struct StateMachineArticleTests {
    /// The article, found from this file.
    private func article() throws -> String {
        let tests = "/Tests/WebSocketNovaTests/"
        let file = #filePath
        let root = file[..<(try #require(file.firstRange(of: tests))).lowerBound]
        return try TemporaryDirectory.text("\(root)/Sources/WebSocketNova/Documentation.docc/StateMachine.md")
    }

    /// Compares with the code, for each pair of statuses.
    private func expect(_ isDrawn: (ConnectionStatus, ConnectionStatus) -> Bool) {
        for from in ConnectionStatus.allCases {
            for to in ConnectionStatus.allCases {
                #expect(isDrawn(from, to) == from.successors.contains(to), "\(from.rawValue) to \(to.rawValue)")
            }
        }
    }

    @Test("F16: the drawing has each transition, and no other")
    func drawing() throws {
        let article = try self.article()
        let begin = try #require(article.firstRange(of: "```diagram\n")).upperBound
        let end = try #require(article[begin...].firstRange(of: "```")).lowerBound
        let legend = "every status ──▶ error\n"
        #expect(article[begin..<end].hasSuffix(legend))
        let drawing = try BoxDrawing(article[begin..<end].dropLast(legend.count))
        #expect(drawing.names == Set(ConnectionStatus.allCases.map(\.rawValue)).subtracting(["error"]))
        self.expect { from, to in
            to == .error || drawing.edges.contains(BoxDrawing.Edge(from: from.rawValue, to: to.rawValue))
        }
    }

    @Test("F16: the table has each transition, and no other")
    func table() throws {
        var table: [ConnectionStatus: Set<ConnectionStatus>] = [:]
        for line in try self.article().split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { cell in
                cell.split { $0 == "," || $0 == " " || $0 == "`" }.map { ConnectionStatus(rawValue: String($0)) }
            }
            try #require(cells.count >= 2 && cells[0].count == 1, "\(line)")
            let from = try #require(cells[0][0], "\(line)")
            #expect(table[from] == nil && !cells[1].contains(nil), "\(line)")
            table[from] = Set(cells[1].compactMap(\.self))
        }
        #expect(table.count == ConnectionStatus.allCases.count)
        self.expect { from, to in table[from]?.contains(to) == true }
    }

    @Test("a drawing is read as it is seen")
    func reading() throws {
        let drawing = try BoxDrawing(
            """
            one ──▶ two
             ▲       │
             │  six ─┴──┐
             └─ four    ▼
                five  three
            """
        )
        #expect(drawing.names == ["one", "two", "three", "four", "five", "six"])
        #expect(
            drawing.edges == [
                .init(from: "one", to: "two"), .init(from: "two", to: "three"), .init(from: "six", to: "three"),
                .init(from: "four", to: "one"),
            ]
        )
        for wrong: Substring in ["a ──▶", "a ─── b", "──▶ b", "a ──▶ b\n │"] {
            #expect(throws: BoxDrawing.Failure.self, "\(wrong)") { try BoxDrawing(wrong) }
        }
    }
}
