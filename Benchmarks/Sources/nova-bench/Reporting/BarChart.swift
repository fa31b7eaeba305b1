import Glibc

/// Groups of bars on a logarithmic scale, as an SVG file that can be read in light and dark surroundings.
struct BarChart: Sendable {
    struct Series: Equatable, Sendable {
        var name: String
        var label: String
        var colour: String
    }

    struct Bar: Sendable {
        var series: String
        /// The median of the rounds, and how far they spread; in nanoseconds.
        var value: Spread
        /// Above the bar, where there is room.
        var note: String
    }

    struct Group: Sendable {
        var label: String
        var bars: [Bar]
    }

    var title: String
    var subtitle: String
    /// What the bars show.
    var axis: String
    /// How to read it, below.
    var caption: String
    var series: [Series]
    var groups: [Group]

    // MARK: The scale

    /// Of all values, widened to whole powers of ten.
    var decades: ClosedRange<Int> {
        let values = self.groups.flatMap(\.bars).flatMap { [$0.value.low, $0.value.high] }.filter { $0 > 0 }
        guard let least = values.min(), let most = values.max() else { return 0...1 }
        // A bar needs some height, and the note above it some room.
        let low = Int(log10(least / 1.4).rounded(.down))
        return low...max(low + 1, Int(log10(most * 2).rounded(.up)))
    }

    /// How high a value stands, from 0 to 1.
    func height(of value: Double) -> Double {
        let decades = self.decades
        guard value > 0 else { return 0 }
        let height = (log10(value) - Double(decades.lowerBound)) / Double(decades.upperBound - decades.lowerBound)
        return min(1, max(0, height))
    }

    // MARK: The picture

    private static let left = 84.0
    private static let right = 20.0
    private static let plotHeight = 340.0
    private static let legendLine = 20.0

    private var width: Double {
        min(1040, max(700, Self.left + Self.right + 220 * Double(self.groups.count)))
    }

    var svg: String {
        let legend = self.legend()
        let top = 78 + Double(legend.lines) * Self.legendLine
        let height = top + Self.plotHeight + 66
        let size =
            "width=\"\(Int(self.width))\" height=\"\(Int(height))\" viewBox=\"0 0 \(Int(self.width)) \(Int(height))\""
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" \(size) role=\"img\" aria-label=\"\(Self.escaped(self.title))\">",
            Self.style,
            "<rect class=\"paper\" width=\"100%\" height=\"100%\" rx=\"6\"/>",
            Self.text(self.title, x: 24, y: 34, "title"),
            Self.text(self.subtitle, x: 24, y: 55, "quiet"),
        ]
        parts += legend.parts
        parts += self.grid(top: top)
        parts += self.bars(top: top)
        let middle = Self.number(top + Self.plotHeight / 2)
        parts.append("<g transform=\"translate(20 \(middle)) rotate(-90)\">")
        parts.append(Self.text(self.axis, x: 0, y: 0, "quiet middle"))
        parts.append("</g>")
        parts.append(Self.text(self.caption, x: 24, y: height - 14, "note"))
        parts.append("</svg>")
        return parts.joined(separator: "\n") + "\n"
    }

    // No custom properties: not every renderer knows them.
    private static let style = """
        <style>
        text { font: 12px system-ui, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; fill: #24292f; }
        .title { font-size: 17px; font-weight: 600; }
        .quiet { fill: #57606a; }
        .note { font-size: 10px; fill: #57606a; }
        .middle { text-anchor: middle; }
        .end { text-anchor: end; }
        .paper { fill: #ffffff; }
        .decade { stroke: #d0d7de; }
        .step { stroke: #eff2f5; }
        .base { stroke: #57606a; }
        .spread { stroke: #24292f; stroke-opacity: 0.75; }
        @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3; }
        .quiet, .note { fill: #9aa4af; }
        .paper { fill: #0d1117; }
        .decade { stroke: #30363d; }
        .step { stroke: #1b2129; }
        .base { stroke: #9aa4af; }
        .spread { stroke: #e6edf3; }
        }
        </style>
        """

    private func legend() -> (parts: [String], lines: Int) {
        var parts: [String] = []
        var (x, line) = (24.0, 0)
        for series in self.series {
            let width = 24 + 6.7 * Double(series.label.count) + 14
            if x + width > self.width - Self.right, x > 24 { (x, line) = (24, line + 1) }
            let y = 72 + Double(line) * Self.legendLine
            let place = "x=\"\(Self.number(x))\" y=\"\(Self.number(y))\""
            parts.append("<rect \(place) width=\"12\" height=\"12\" rx=\"2\" fill=\"\(Self.escaped(series.colour))\"/>")
            parts.append(Self.text(series.label, x: x + 18, y: y + 10.5, ""))
            x += width
        }
        return (parts, line + 1)
    }

    private func grid(top: Double) -> [String] {
        let bottom = top + Self.plotHeight
        let decades = self.decades
        var parts: [String] = []
        for decade in decades {
            let scale = pow(10, Double(decade))
            for step in decade == decades.upperBound ? [1.0] : [1, 2, 5] {
                let y = bottom - self.height(of: scale * step) * Self.plotHeight
                let kind = step > 1 ? "step" : (decade == decades.lowerBound ? "base" : "decade")
                parts.append(Self.line(x1: Self.left, y1: y, x2: self.width - Self.right, y2: y, kind))
                // Few decades leave room for more words.
                if step == 1 || decades.count < 4 {
                    parts.append(Self.text(Self.tick(scale * step), x: Self.left - 8, y: y + 4, "quiet end"))
                }
            }
        }
        return parts
    }

    private func bars(top: Double) -> [String] {
        let bottom = top + Self.plotHeight
        let slot = (self.width - Self.left - Self.right) / Double(max(1, self.groups.count))
        // Bars of the same width in all groups, and a gap a little wider than one of them between groups.
        let most = Double(max(2, self.groups.map(\.bars.count).max() ?? 1))
        let width = min(44, slot / (most + 1.1))
        var parts: [String] = []
        for (index, group) in self.groups.enumerated() {
            let middle = Self.left + slot * (Double(index) + 0.5)
            var x = middle - width * Double(group.bars.count) / 2
            for bar in group.bars {
                parts += self.bar(bar, x: x, width: width, bottom: bottom)
                x += width
            }
            parts.append(Self.text(group.label, x: middle, y: bottom + 22, "middle"))
        }
        return parts
    }

    private func bar(_ bar: Bar, x: Double, width: Double, bottom: Double) -> [String] {
        let height = max(1, self.height(of: bar.value.median) * Self.plotHeight)
        let series = self.series.first { $0.name == bar.series }
        let label = "\(series?.label ?? bar.series): \(durationText(nanoseconds: bar.value.median))"
        let middle = x + width / 2
        let (low, high) = (
            bottom - self.height(of: bar.value.low) * Self.plotHeight,
            bottom - self.height(of: bar.value.high) * Self.plotHeight
        )
        let place =
            "x=\"\(Self.number(x + 0.5))\" y=\"\(Self.number(bottom - height))\""
            + " width=\"\(Self.number(width - 1))\" height=\"\(Self.number(height))\""
        var parts = [
            "<rect \(place) fill=\"\(Self.escaped(series?.colour ?? "#888888"))\">"
                + "<title>\(Self.escaped(label))\(bar.note.isEmpty ? "" : " (\(Self.escaped(bar.note)))")</title></rect>"
        ]
        // A spread that cannot be seen is none.
        if low - high > 2 { parts.append(Self.line(x1: middle, y1: low, x2: middle, y2: high, "spread")) }
        let end = min(bottom - height, high) - 5
        if bar.note.isEmpty || width < 9 { return parts }
        // Side by side there is room for five characters.
        if width >= 28 {
            parts.append(Self.text(bar.note, x: middle, y: end, "note middle"))
        } else {
            parts.append("<g transform=\"translate(\(Self.number(middle + 3.5)) \(Self.number(end))) rotate(-90)\">")
            parts.append(Self.text(bar.note, x: 0, y: 0, "note"))
            parts.append("</g>")
        }
        return parts
    }

    // MARK: Elements

    private static func tick(_ value: Double) -> String {
        for (unit, scale) in [("s", 1e9), ("ms", 1e6), ("µs", 1e3)] where value >= scale * 0.999 {
            return "\(decimalText(value / scale, places: 0)) \(unit)"
        }
        return "\(decimalText(value, places: value < 0.999 ? 1 : 0)) ns"
    }

    private static func text(_ text: String, x: Double, y: Double, _ kind: String) -> String {
        let kind = kind.isEmpty ? "" : " class=\"\(kind)\""
        return "<text x=\"\(self.number(x))\" y=\"\(self.number(y))\"\(kind)>\(self.escaped(text))</text>"
    }

    private static func line(x1: Double, y1: Double, x2: Double, y2: Double, _ kind: String) -> String {
        let from = "x1=\"\(self.number(x1))\" y1=\"\(self.number(y1))\""
        return "<line \(from) x2=\"\(self.number(x2))\" y2=\"\(self.number(y2))\" class=\"\(kind)\"/>"
    }

    private static func number(_ value: Double) -> String { decimalText(value, places: 1) }

    /// For text and for attributes between double quotes.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
