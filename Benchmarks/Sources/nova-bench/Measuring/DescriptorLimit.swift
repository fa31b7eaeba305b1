import Glibc

/// How many descriptors this process may have.
enum DescriptorLimit {
    /// Raises the soft limit where it is lower. Before the first event loop: a loop serves as many as the limit was then.
    static func raise(to count: Int) throws {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        getrlimit(resource, &limit)
        guard limit.rlim_cur < rlim_t(count) else { return }
        guard limit.rlim_max >= rlim_t(count) else {
            throw BenchmarkError("\(count) descriptors are needed; the hard limit is \(limit.rlim_max) (ulimit -Hn)")
        }
        limit.rlim_cur = rlim_t(count)
        guard setrlimit(resource, &limit) == 0 else { throw BenchmarkError(errno: errno, "cannot raise RLIMIT_NOFILE") }
    }

    static func raiseToHardLimit() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        try Self.raise(to: Int(clamping: limit.rlim_max))
    }
}
