import FoundationEssentials

/// What else than the library decides how many instructions a message takes: compilers, libraries, and which instructions
/// the processor has. Of those beyond AVX2 nothing is seen, since valgrind does not show them to a program.
enum GateEnvironment {
    static func current() -> [String: String] {
        var environment: [String: String] = [
            "swift": ChildProcess.firstLine(of: "swift", ["--version"]) ?? "unknown",
            "valgrind": ChildProcess.firstLine(of: "valgrind", ["--version"]) ?? "unknown",
            "avx2": Self.hasAVX2 ? "yes" : "no",
        ]
        for package in ["libc6", "libssl3", "libwebsockets17", "zlib1g"] {
            let arguments = ["--show", "--showformat", "${Version}\n", package]
            environment[package] = ChildProcess.firstLine(of: "dpkg-query", arguments) ?? "unknown"
        }
        return environment
    }

    private static var hasAVX2: Bool {
        let info = (try? String(contentsOf: URL(filePath: "/proc/cpuinfo"), encoding: .utf8)) ?? ""
        return info.contains(" avx2 ")
    }
}
