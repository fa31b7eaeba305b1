/// Bytes that differ from their neighbours and do not repeat soon.
func pattern(_ count: Int) -> [UInt8] {
    blocks(count) { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
}

/// Bytes that do not compress: a block of them is longer than the largest window of DEFLATE.
func noise(_ count: Int) -> [UInt8] {
    var generator = SeededGenerator(seed: UInt64(count))
    return blocks(count) { _ in UInt8(truncatingIfNeeded: generator.next()) }
}

/// The bytes several times.
func repeated(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
    var all: [UInt8] = []
    all.reserveCapacity(bytes.count * count)
    for _ in 0..<count { all += bytes }
    return all
}

/// One block, computed, then repeated: a debug build takes seconds for every byte of a large message.
private func blocks(_ count: Int, _ byte: (Int) -> UInt8) -> [UInt8] {
    let size = 65_521
    let block = (0..<min(count, size)).map(byte)
    guard count > size else { return block }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count { bytes += block.prefix(count - bytes.count) }
    return bytes
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
