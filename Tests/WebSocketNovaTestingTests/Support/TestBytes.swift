import TestSupport

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
