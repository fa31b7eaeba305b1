/// Has the tasks' runtime open the descriptors of its timers, of which it has one for each clock, for good.
package func openRuntimeTimers() async throws {
    // A sleep is what opens them, but not one whose end comes before it is armed, on a busy machine.
    let time = Duration.milliseconds(50)
    try await Task.sleep(for: time, clock: .continuous)
    try await Task.sleep(for: time, clock: .suspending)
}
