import COpenSSL

/// Where masking keys come from: fresh for every frame and not to be foreseen by the peer or by who chooses the payload
/// (RFC 6455 section 10.3, "derived from a strong source of entropy").
///
/// Keys are drawn from a pool that OpenSSL's generator fills, so that a frame costs no system call.
package struct MaskingKeySource: ~Copyable, @unchecked Sendable {
    // Sendable because the pool's memory belongs to this value alone, which cannot be copied.

    /// 512 bytes: one call of the generator for 128 frames, small beside the 5 KB of an idle connection.
    private static var poolSize: Int { 128 }

    private var pool: UnsafeMutablePointer<UInt32>?
    private var remaining = 0

    /// Keys that a test has chosen, used in turn.
    private let fixed: [MaskingKey]
    private var nextFixed = 0

    /// Unpredictable keys. Memory is taken when the first one is asked for.
    package init() {
        self.fixed = []
    }

    /// The same keys again and again, in this order; for tests only. Without any, the keys are unpredictable.
    package init(repeating keys: [MaskingKey]) {
        self.fixed = keys
    }

    deinit {
        self.pool?.deallocate()
    }

    package mutating func next() -> MaskingKey {
        if let pool, self.remaining > 0 {
            self.remaining &-= 1
            return MaskingKey(bits: pool[self.remaining])
        }
        return self.refill()
    }

    private mutating func refill() -> MaskingKey {
        if !self.fixed.isEmpty {
            defer { self.nextFixed = (self.nextFixed + 1) % self.fixed.count }
            return self.fixed[self.nextFixed]
        }
        let pool = self.pool ?? .allocate(capacity: Self.poolSize)
        self.pool = pool
        let size = Self.poolSize * MemoryLayout<UInt32>.size
        let filled = pool.withMemoryRebound(to: UInt8.self, capacity: size) { RAND_bytes($0, CInt(size)) == 1 }
        if !filled {
            // OpenSSL has no entropy: the kernel's generator is slower, and as unpredictable.
            var kernel = SystemRandomNumberGenerator()
            for index in 0..<Self.poolSize { pool[index] = kernel.next() }
        }
        self.remaining = Self.poolSize - 1
        return MaskingKey(bits: pool[self.remaining])
    }
}
