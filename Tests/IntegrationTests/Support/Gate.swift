import Glibc

/// A gate that threads wait at.
final class Gate: @unchecked Sendable {
    // The semaphore has an address of its own.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(self.semaphore, 0, 0) }

    deinit {
        sem_destroy(self.semaphore)
        self.semaphore.deallocate()
    }

    func wait() {
        while sem_wait(self.semaphore) != 0 {}
        sem_post(self.semaphore)
    }

    func open() { sem_post(self.semaphore) }
}
