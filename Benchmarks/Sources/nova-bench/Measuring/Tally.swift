/// What every contestant does with a message that it has received: it looks at the size.
struct Tally: Sendable {
    private(set) var messages = 0
    private(set) var bytes = 0

    mutating func add(_ size: Int) {
        self.messages += 1
        self.bytes += size
    }
}
