func byteText(_ size: Int) -> String {
    switch size {
    case (1 << 20)... where size % (1 << 20) == 0: "\(size >> 20) MiB"
    case (1 << 10)... where size % (1 << 10) == 0: "\(size >> 10) KiB"
    default: "\(size) B"
    }
}

/// With thousands separated, and a decimal place or two where the number is small.
func numberText(_ value: Double) -> String {
    let places = value < 10 ? 2 : (value < 100 ? 1 : 0)
    let text = decimalText(value, places: places)
    guard places == 0 else { return text }
    var grouped = ""
    for (index, digit) in text.enumerated() {
        if index > 0, (text.count - index) % 3 == 0 { grouped.append(",") }
        grouped.append(digit)
    }
    return grouped
}

func decimalText(_ value: Double, places: Int) -> String {
    if value < 0 { return "-" + decimalText(-value, places: places) }
    var scale = 1
    for _ in 0..<places { scale *= 10 }
    let scaled = Int((value * Double(scale)).rounded())
    guard places > 0 else { return String(scaled) }
    let fraction = String(scaled % scale)
    return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
}

func padded(_ text: String, to width: Int, right: Bool = true) -> String {
    let space = String(repeating: " ", count: max(0, width - text.count))
    return right ? space + text : text + space
}

/// A time in the unit that suits it, with two or three digits.
func durationText(nanoseconds: Double) -> String {
    let units = [("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1.0)]
    let (unit, scale) = units.first { nanoseconds >= $0.1 } ?? ("ns", 1)
    let value = nanoseconds / scale
    return "\(decimalText(value, places: value < 10 ? 1 : 0)) \(unit)"
}

/// How many times something else it is.
func ratioText(_ ratio: Double) -> String { "\(decimalText(ratio, places: ratio < 10 ? 2 : 0))×" }
