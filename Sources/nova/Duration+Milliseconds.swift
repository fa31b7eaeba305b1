extension Duration {
    /// In milliseconds with three decimals, `0.123 ms`: for people to read.
    var milliseconds: String {
        let microseconds = self.components.seconds * 1_000_000 + self.components.attoseconds / 1_000_000_000_000
        let decimals = String(microseconds % 1_000)
        return "\(microseconds / 1_000).\(String(repeating: "0", count: 3 - decimals.count))\(decimals) ms"
    }
}
