/// Columns of text; one in which no row has anything is left out.
struct TextTable {
    struct Column {
        var title: String
        var isNumber = true
    }

    var columns: [Column]
    var rows: [[String]] = []
    /// Rows before which a line is left empty.
    var breaks: Set<Int> = []

    /// - Parameter words: how many columns, from the left, are words; the others are numbers.
    init(_ titles: [String], words: Int) {
        self.columns = titles.enumerated().map { Column(title: $1, isNumber: $0 >= words) }
    }

    /// The header first; without spaces at the ends of lines.
    var lines: [String] {
        let kept = self.columns.indices.filter { column in self.rows.contains { !$0[column].isEmpty } }
        let widths = self.columns.indices.map { column in
            max(self.columns[column].title.count, self.rows.map { $0[column].count }.max() ?? 0)
        }
        let line = { (cells: [String]) in
            kept.map { padded(cells[$0], to: widths[$0], right: self.columns[$0].isNumber) }
                .joined(separator: "  ").trimmingTrailingSpaces()
        }
        var lines = [line(self.columns.map(\.title))]
        for (index, row) in self.rows.enumerated() {
            if self.breaks.contains(index) { lines.append("") }
            lines.append(line(row))
        }
        return lines
    }
}

extension String {
    fileprivate func trimmingTrailingSpaces() -> String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
