import Glibc

/// Whether tests that take minutes are to run, and those that repeat something do so often: `scripts/slow-tests`.
enum SlowLane {
    static var isOn: Bool { getenv("WEBSOCKETNOVA_SLOW_TESTS") != nil }
}
