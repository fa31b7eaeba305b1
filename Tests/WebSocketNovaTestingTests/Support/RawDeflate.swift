import CZlib

/// The compressing and inflating halves of permessage-deflate, each keeping its window.
final class RawDeflate {
    private let deflater = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private let inflater = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

    init(windowBits: Int32 = 15, inflateWindowBits: Int32 = 15) {
        self.deflater.initialize(to: z_stream())
        self.inflater.initialize(to: z_stream())
        _ = nova_deflate_init(self.deflater, Z_BEST_SPEED, -windowBits, 8)
        _ = nova_inflate_init(self.inflater, -inflateWindowBits)
    }

    deinit {
        deflateEnd(self.deflater)
        inflateEnd(self.inflater)
        self.deflater.deallocate()
        self.inflater.deallocate()
    }

    func compress(_ bytes: [UInt8]) -> [UInt8] {
        // zlib has nothing to flush a second time; RFC 7692 section 7.2.3.6 gives the byte.
        if bytes.isEmpty { return [0x00] }
        let output = Self.run(self.deflater, bytes) { deflate($0, Z_SYNC_FLUSH) }
        return Array(output.dropLast(4))
    }

    func decompress(_ bytes: [UInt8]) -> [UInt8] {
        Self.run(self.inflater, bytes + [0, 0, 0xFF, 0xFF]) { inflate($0, Z_SYNC_FLUSH) }
    }

    private static func run(
        _ stream: UnsafeMutablePointer<z_stream>,
        _ bytes: [UInt8],
        _ step: (UnsafeMutablePointer<z_stream>) -> Int32
    ) -> [UInt8] {
        var input = bytes
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        input.withUnsafeMutableBufferPointer { input in
            stream.pointee.next_in = input.baseAddress
            stream.pointee.avail_in = UInt32(input.count)
            var isDone = false
            while !isDone {
                chunk.withUnsafeMutableBufferPointer { chunk in
                    stream.pointee.next_out = chunk.baseAddress
                    stream.pointee.avail_out = UInt32(chunk.count)
                    isDone = step(stream) != Z_OK || stream.pointee.avail_out > 0
                }
                output += chunk.prefix(chunk.count - Int(stream.pointee.avail_out))
            }
        }
        return output
    }
}
