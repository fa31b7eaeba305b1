/// Prints a table of steps as they are done.
enum Steps {
    /// Runs a step, and prints its name, how long it took and what it has to tell.
    static func run<Value>(_ name: String, _ step: () async throws -> (Value, String)) async throws -> Value {
        let begin = ContinuousClock.now
        let (value, result) = try await step()
        let time = (ContinuousClock.now - begin).milliseconds
        try Console.print("\(Self.padded(name, 18))\(Self.padded(time, 12, right: true))  \(result)")
        return value
    }

    private static func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
        let padding = String(repeating: " ", count: max(0, width - text.count))
        return right ? padding + text : text + padding
    }
}
