internal import Glibc

/// Keeps glibc's malloc from giving memory back to the kernel between two messages.
enum AllocatorTuning {
    /// Larger than what is queued of a connection at the default high-water mark.
    private static let blockSize = 2 << 20

    /// glibc returns the free end of an arena to the kernel when it exceeds 128 KiB. A stream of 64 KiB messages, made on
    /// the loop and freed by its reader, goes over that with each other message, and every page of the next ones is faulted
    /// in and cleared again: compare `nova-bench client nova-async flood --size 65536` with and without
    /// MALLOC_TRIM_THRESHOLD_=131072 in its environment. The limit follows the largest block that was ever freed
    /// (mallopt(3), "dynamic mmap threshold"), as it would in any process that frees one: here it is done once, on purpose.
    /// Where the user has set the limits by hand, glibc leaves them alone.
    static let prepared: Void = {
        guard let block = malloc(Self.blockSize) else { return }
        // A call that the optimiser cannot look into: it would remove an allocation that nobody uses.
        clock_gettime(CLOCK_MONOTONIC, block.assumingMemoryBound(to: timespec.self))
        free(block)
    }()
}
