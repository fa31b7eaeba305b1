package import Testing

/// Waits until something holds of which nothing tells: a thread that has ended, a waiter that has been queued.
package func eventually(
    _ what: Comment,
    within limit: Duration = .seconds(10),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ holds: () throws -> Bool
) async rethrows {
    let stopwatch = Stopwatch()
    while try !holds() {
        guard stopwatch.elapsedInMotion < limit else {
            Issue.record("not within \(limit): \(what)", sourceLocation: sourceLocation)
            return
        }
        // The interval of a poll, of what has no event to wait for.
        try? await Task.sleep(for: .milliseconds(1))
        // A cancelled test does not spin.
        if Task.isCancelled { return }
    }
}
