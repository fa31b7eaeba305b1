/// A drawing of boxes' names and arrows between them, read as a graph.
///
/// Names are words of letters and underscores. Lines begin beside, above or below a name and end with an arrowhead at
/// another; those that meet are one, from each of the names where they begin to each of those that an arrowhead shows.
/// Between a name and a line there may be one space.
struct BoxDrawing {
    struct Edge: Hashable {
        var from: String
        var to: String
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private struct Place: Hashable {
        var row: Int
        var column: Int

        func next(_ direction: Direction) -> Place {
            switch direction {
            case .up: Place(row: self.row - 1, column: self.column)
            case .down: Place(row: self.row + 1, column: self.column)
            case .left: Place(row: self.row, column: self.column - 1)
            case .right: Place(row: self.row, column: self.column + 1)
            }
        }
    }

    private enum Direction {
        case up, down, left, right

        var opposite: Direction {
            switch self {
            case .up: .down
            case .down: .up
            case .left: .right
            case .right: .left
            }
        }
    }

    private let rows: [[Character]]
    /// The names that stand in the drawing.
    private(set) var names: Set<String> = []
    private(set) var edges: Set<Edge> = []

    /// - Throws: where a line does not lead from a name to a name.
    init(_ text: Substring) throws {
        self.rows = text.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0) }
        var seen: Set<Place> = []
        for (row, line) in self.rows.enumerated() {
            for column in line.indices {
                let place = Place(row: row, column: column)
                if let name = self.name(at: place) { self.names.insert(name) }
                if !self.ends(of: place).isEmpty, !seen.contains(place) { try self.follow(place, &seen) }
            }
        }
    }

    private func character(_ place: Place) -> Character {
        guard self.rows.indices.contains(place.row), self.rows[place.row].indices.contains(place.column) else {
            return " "
        }
        return self.rows[place.row][place.column]
    }

    /// The directions in which a line goes on from a character, and in which an arrowhead shows.
    private func ends(of place: Place) -> [Direction] {
        switch self.character(place) {
        case "─", "▶", "◀": [.left, .right]
        case "│", "▲", "▼": [.up, .down]
        case "┌": [.right, .down]
        case "┐": [.left, .down]
        case "└": [.right, .up]
        case "┘": [.left, .up]
        case "┴": [.left, .right, .up]
        case "┬": [.left, .right, .down]
        case "├": [.up, .down, .right]
        case "┤": [.up, .down, .left]
        case "┼": [.up, .down, .left, .right]
        default: []
        }
    }

    private func shows(_ place: Place) -> Direction? {
        switch self.character(place) {
        case "▶": .right
        case "◀": .left
        case "▲": .up
        case "▼": .down
        default: nil
        }
    }

    private func name(at place: Place) -> String? {
        func isLetter(_ place: Place) -> Bool { self.character(place).isLetter || self.character(place) == "_" }
        guard isLetter(place) else { return nil }
        var begin = place
        while isLetter(begin.next(.left)) { begin = begin.next(.left) }
        var name = ""
        while isLetter(begin) {
            name.append(self.character(begin))
            begin = begin.next(.right)
        }
        return name
    }

    /// Follows a line and all that it meets.
    private mutating func follow(_ start: Place, _ seen: inout Set<Place>) throws {
        var sources: Set<String> = []
        var targets: Set<String> = []
        var waiting = [start]
        seen.insert(start)
        while let place = waiting.popLast() {
            for direction in self.ends(of: place) {
                let next = place.next(direction)
                // Where an arrowhead shows there is a name, whatever else comes near.
                if self.shows(place) != direction, self.ends(of: next).contains(direction.opposite) {
                    if seen.insert(next).inserted { waiting.append(next) }
                    continue
                }
                let isHorizontal = direction == .left || direction == .right
                guard let name = self.name(at: next) ?? (isHorizontal ? self.name(at: next.next(direction)) : nil)
                else {
                    throw Failure(
                        description: "row \(place.row), column \(place.column): \(direction) of it is no name"
                    )
                }
                if self.shows(place) == direction { targets.insert(name) } else { sources.insert(name) }
            }
        }
        for source in sources { for target in targets { self.edges.insert(Edge(from: source, to: target)) } }
        guard !sources.isEmpty, !targets.isEmpty else {
            throw Failure(description: "row \(start.row), column \(start.column): a line without an end")
        }
    }
}
