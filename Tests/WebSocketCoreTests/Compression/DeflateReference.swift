import CZlib
import WebSocketCore

/// zlib used directly, to judge ``Inflater`` and ``Deflater`` by something that shares no code with them.
enum DeflateReference {
    /// Messages as a peer of permessage-deflate would send them.
    final class Sender {
        private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        private let contextTakeover: Bool

        init(windowBits: Int = 15, contextTakeover: Bool = true, level: Int32 = 6, memoryLevel: Int32 = 8) {
            self.contextTakeover = contextTakeover
            self.stream.initialize(to: z_stream())
            let status = nova_deflate_init(self.stream, level, Int32(-windowBits), memoryLevel)
            precondition(status == Z_OK, "deflateInit2 failed")
        }

        deinit {
            deflateEnd(self.stream)
            self.stream.deallocate()
        }

        func send(_ message: [UInt8]) -> [UInt8] {
            guard !message.isEmpty else { return [0] }
            var sent: [UInt8] = []
            var message = message
            message.withUnsafeMutableBufferPointer { input in
                self.stream.pointee.next_in = input.baseAddress
                self.stream.pointee.avail_in = UInt32(input.count)
                var chunk = [UInt8](repeating: 0, count: 4096)
                repeat {
                    let size = chunk.count
                    chunk.withUnsafeMutableBufferPointer { output in
                        self.stream.pointee.next_out = output.baseAddress
                        self.stream.pointee.avail_out = UInt32(size)
                        _ = CZlib.deflate(self.stream, Z_SYNC_FLUSH)
                    }
                    sent += chunk.prefix(size - Int(self.stream.pointee.avail_out))
                } while self.stream.pointee.avail_out == 0
            }
            if !self.contextTakeover { deflateReset(self.stream) }
            precondition(sent.suffix(4) == [0, 0, 0xff, 0xff], "no sync flush at the end")
            return sent.dropLast(4)
        }
    }

    /// Reads messages as a peer of permessage-deflate would. Gives nil for what is no deflate.
    final class Receiver {
        private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        private let contextTakeover: Bool
        /// How much output room each call of zlib gets. With one byte, zlib checks each distance against its real window.
        private let step: Int

        init(windowBits: Int = 15, contextTakeover: Bool = true, step: Int = 4096) {
            self.contextTakeover = contextTakeover
            self.step = step
            self.stream.initialize(to: z_stream())
            let status = nova_inflate_init(self.stream, Int32(-windowBits))
            precondition(status == Z_OK, "inflateInit2 failed")
        }

        deinit {
            inflateEnd(self.stream)
            self.stream.deallocate()
        }

        func receive(_ payload: [UInt8]) -> [UInt8]? {
            var received: [UInt8] = []
            var input = payload + [0, 0, 0xff, 0xff]
            var isValid = true
            input.withUnsafeMutableBufferPointer { input in
                self.stream.pointee.next_in = input.baseAddress
                self.stream.pointee.avail_in = UInt32(input.count)
                var chunk = [UInt8](repeating: 0, count: self.step)
                repeat {
                    let status = chunk.withUnsafeMutableBufferPointer { output in
                        self.stream.pointee.next_out = output.baseAddress
                        self.stream.pointee.avail_out = UInt32(output.count)
                        return CZlib.inflate(self.stream, Z_SYNC_FLUSH)
                    }
                    isValid = status == Z_OK || status == Z_BUF_ERROR
                    received += chunk.prefix(self.step - Int(self.stream.pointee.avail_out))
                } while isValid && (self.stream.pointee.avail_in > 0 || self.stream.pointee.avail_out == 0)
            }
            if !self.contextTakeover { inflateReset(self.stream) }
            return isValid ? received : nil
        }
    }

    /// SplitMix64: seeded, so that a failure can be run again.
    struct Random: RandomNumberGenerator {
        private var state: UInt64

        init(seed: UInt64) { self.state = seed }

        mutating func next() -> UInt64 {
            self.state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = self.state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }

        /// Bytes that compress a little, much, or not at all.
        mutating func message(upTo count: Int) -> [UInt8] {
            let count = Int.random(in: 0...count, using: &self)
            let alphabet = [1, 4, 60, 256].randomElement(using: &self) ?? 256
            // Eight bytes of each number; the bias of the remainder does not matter here.
            var message: [UInt8] = []
            message.reserveCapacity(count + 8)
            while message.count < count {
                withUnsafeBytes(of: self.next()) { message.append(contentsOf: $0) }
            }
            message.removeLast(message.count - count)
            if alphabet < 256 {
                for index in message.indices { message[index] %= UInt8(alphabet) }
            }
            return message
        }
    }

    /// Feeds a message in pieces and returns what comes out.
    static func inflate(
        _ payload: [UInt8],
        with inflater: inout Inflater,
        pieces: Int = .max,
        limit: Int = 1 << 30
    ) throws -> [UInt8] {
        var output = MessageBuffer()
        var position = 0
        while position < payload.count {
            let end = position + min(pieces, payload.count - position)
            try payload[position..<end].withUnsafeBytes { bytes in
                try inflater.inflate(bytes, into: &output, limit: limit)
            }
            position = end
        }
        try inflater.finishMessage(into: &output, limit: limit)
        return output.take()
    }

    /// Deflates a message in pieces.
    static func deflate(
        _ message: [UInt8],
        with deflater: inout Deflater,
        pieces: Int = .max
    ) throws -> [UInt8] {
        var output = MessageBuffer()
        var position = 0
        repeat {
            let end = position + min(pieces, message.count - position)
            try message[position..<end].withUnsafeBytes { bytes in
                try deflater.deflate(bytes, isFinal: end == message.count, into: &output)
            }
            position = end
        } while position < message.count
        return output.take()
    }
}
