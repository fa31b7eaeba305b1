// Placeholder until the real one lands.
enum LWSGlobal {
    static func prepare() {}
    static func blockSIGPIPE() {}
    static func withBoundedDescriptorLimit<R>(_ body: () -> R) -> R { body() }
}
