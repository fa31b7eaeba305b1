import Glibc

/// What this process has used so far: CPU time of all its threads, and the time on the wall.
struct ProcessUsage: Sendable {
    var cpuNanoseconds: Int
    var wallNanoseconds: Int

    static func now() -> ProcessUsage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        var wall = timespec()
        clock_gettime(CLOCK_MONOTONIC, &wall)
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return ProcessUsage(
            cpuNanoseconds: seconds * 1_000_000_000 + microseconds * 1000,
            wallNanoseconds: wall.tv_sec * 1_000_000_000 + wall.tv_nsec
        )
    }

    static func - (end: ProcessUsage, start: ProcessUsage) -> ProcessUsage {
        ProcessUsage(
            cpuNanoseconds: end.cpuNanoseconds - start.cpuNanoseconds,
            wallNanoseconds: end.wallNanoseconds - start.wallNanoseconds
        )
    }

    /// The most memory that was resident at one time, in KiB.
    ///
    /// `VmHWM`, and not `ru_maxrss`: after vfork and exec that still counts the process that started this one.
    static func peakResidentKilobytes() -> Int { self.kilobytes(of: "VmHWM:") }

    /// The memory that is resident now, in KiB.
    static func residentKilobytes() -> Int { self.kilobytes(of: "VmRSS:") }

    private static func kilobytes(of field: String) -> Int {
        guard let file = fopen("/proc/self/status", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if text.hasPrefix(field) { return Int(text.filter(\.isNumber)) ?? 0 }
        }
        return 0
    }
}

/// The monotonic clock in nanoseconds, as the plain C client reads it.
func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
