import Glibc

/// What the process holds.
struct Resources {
    var descriptors: Int
    var threads: Int

    static var now: Resources {
        Resources(descriptors: Self.entries("/proc/self/fd"), threads: Self.entries("/proc/self/task"))
    }

    private static func entries(_ path: String) -> Int {
        guard let directory = opendir(path) else { return -1 }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        return count
    }
}
