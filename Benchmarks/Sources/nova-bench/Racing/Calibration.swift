/// How many messages fit into a time.
enum Calibration {
    /// A run that is shorter than this says little, and mostly of opening its connections.
    private static func leastSeconds(_ plan: Plan) -> Double { 0.03 + 0.002 * Double(plan.connections - 1) }

    /// Few enough for the slowest contestant.
    static func firstCount(_ plan: Plan) -> Int {
        let count = plan.work == .echo ? 200 : max(50, min(20_000, (4 << 20) / max(1, plan.size)))
        return self.divisible(min(count, plan.count), plan)
    }

    /// How many to try next, or nil when the last run was long enough.
    static func nextCount(_ pilot: Plan, seconds: Double, most: Int) -> Int? {
        let least = self.leastSeconds(pilot)
        guard seconds < least, pilot.count < most else { return nil }
        let factor = min(20, max(2, 2 * least / max(seconds, 1e-6)))
        return self.divisible(min(most, Int(Double(pilot.count) * factor)), pilot)
    }

    static func count(_ plan: Plan, pilot: Int, seconds: Double, wanted: Double) -> Int {
        let fitting = Double(pilot) * wanted / max(seconds, 1e-6)
        let least = plan.work == .echo ? 100 : 20
        return self.divisible(self.twoDigits(Int(min(Double(plan.count), max(Double(least), fitting)))), plan)
    }

    /// Rounded down to two digits that are not 0, so that counts can be read.
    private static func twoDigits(_ count: Int) -> Int {
        var scale = 1
        while count / scale >= 100 { scale *= 10 }
        return count / scale * scale
    }

    /// An equal share for each connection, and at least ten messages.
    private static func divisible(_ count: Int, _ plan: Plan) -> Int {
        max(count / plan.connections, plan.connections > 1 ? 10 : 1) * plan.connections
    }
}
