import Glibc

/// What this process holds of what could leak. Only meaningful where nothing else runs: in an exit test.
struct ProcessCensus: Equatable, CustomStringConvertible {
    var threads: Int
    var descriptors: Int

    static func take() -> ProcessCensus {
        ProcessCensus(
            threads: Self.names(in: "/proc/self/task").count { Self.threadName($0).hasPrefix("nova-") },
            descriptors: Self.names(in: "/proc/self/fd").count - 1
        )
    }

    var description: String { "\(self.threads) threads, \(self.descriptors) descriptors" }

    /// What the descriptors are.
    static var openDescriptors: [String] {
        Self.names(in: "/proc/self/fd").compactMap { name in
            var target = [CChar](repeating: 0, count: 256)
            let count = readlink("/proc/self/fd/\(name)", &target, target.count)
            let bytes = target.prefix(max(0, count)).map { UInt8(bitPattern: $0) }
            return count > 0 ? "\(name) \(String(decoding: bytes, as: UTF8.self))" : nil
        }
    }

    /// How many threads have a name that begins so.
    static func threads(named prefix: String) -> Int {
        Self.names(in: "/proc/self/task").count { Self.threadName($0).hasPrefix(prefix) }
    }

    /// The CPU time that the threads of a name have used.
    static func cpuTime(ofThreadsNamed prefix: String) -> Duration {
        var ticks = 0
        for thread in Self.names(in: "/proc/self/task") where Self.threadName(thread).hasPrefix(prefix) {
            // The name, in parentheses, may hold spaces: fields 14 and 15 are the 12th and 13th behind it.
            let fields = Self.text(of: "/proc/self/task/\(thread)/stat").split(separator: ")").last?.split(
                separator: " "
            )
            if let fields, fields.count > 12 { ticks += (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) }
        }
        return .milliseconds(ticks * 1_000 / sysconf(Int32(_SC_CLK_TCK)))
    }

    /// VmRSS in KiB.
    static var residentKiB: Int { self.kibibytes("VmRSS:") }

    /// The most that VmRSS has been, in KiB.
    static var peakResidentKiB: Int { self.kibibytes("VmHWM:") }

    private static func kibibytes(_ name: String) -> Int {
        for line in Self.text(of: "/proc/self/status").split(separator: "\n") where line.hasPrefix(name) {
            return line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0
        }
        return 0
    }

    private static func threadName(_ thread: String) -> String { Self.text(of: "/proc/self/task/\(thread)/comm") }

    private static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    private static func text(of path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 8_192)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}

/// Whether a sanitizer is in the process: memory and time are not what they are without it.
enum Sanitizer {
    static var isOn: Bool { dlsym(nil, "__tsan_init") != nil || dlsym(nil, "__asan_init") != nil }
}
