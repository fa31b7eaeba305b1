internal import Glibc

/// The time of CLOCK_MONOTONIC at the kernel's last tick, at most 10 ms ago: it is read out of memory, without the counter
/// of the processor that the exact time takes, which on some virtual machines even needs a system call.
private func coarseMonotonicNow() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return Duration(secondsComponent: Int64(time.tv_sec), attosecondsComponent: Int64(time.tv_nsec) * 1_000_000_000)
}

extension EventLoop {
    package var coarseNow: Duration { coarseMonotonicNow() }
}
