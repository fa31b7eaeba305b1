internal import Synchronization

/// The values that one label may have: the first ones that come, up to a limit. All later ones are `other`.
///
/// A backend keeps a time series for each value of a label, for ever; what comes out of an open set must not become one.
final class MetricLabels: Sendable {
    /// What stands for all values that have no place.
    static let other = "other"
    /// Longer values are `other` as well.
    static let maximumLength = 64

    /// The codes of errors, in the whole process: handlers of different connections use the same backend.
    static let errorCodes = MetricLabels(limit: 64)
    /// The hosts, in the whole process.
    static let hosts = MetricLabels(limit: 64)

    private let limit: Int
    private let values = Mutex<Set<String>>([])

    init(limit: Int) {
        self.limit = limit
    }

    /// The value, if it has or gets a place, else `other`.
    func label(for value: String) -> String {
        // Not every backend escapes what would break its format.
        let bytes = value.utf8
        guard !bytes.isEmpty, bytes.count <= Self.maximumLength, bytes.allSatisfy(Self.isPlain) else {
            return Self.other
        }
        return self.values.withLock { values in
            if values.contains(value) { return value }
            guard values.count < self.limit else { return Self.other }
            values.insert(value)
            return value
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: ":"):
            true
        default:
            false
        }
    }
}
