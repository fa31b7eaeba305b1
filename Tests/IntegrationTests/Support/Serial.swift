import Testing

/// The suites of this target run one after the other: they measure time, or give an answer a second to come, and would
/// disturb each other.
@Suite("Over real sockets", .serialized)
enum Serial {}
