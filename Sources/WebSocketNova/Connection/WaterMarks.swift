/// Two marks of a queue: at the high one whoever fills it is stopped, and at the low one let go on. The distance between
/// them keeps a full queue from stopping and starting somebody for each element.
struct WaterMarks: Sendable, Hashable {
    let high: Int
    let low: Int

    /// - Parameter low: nil for half of the high mark; never more than that mark.
    init(high: Int, low: Int? = nil) {
        self.high = high
        self.low = min(low ?? high / 2, high)
    }
}
