import Testing
import WebSocketCore

/// Drives an `InboundDecoder` with pieces of a stream and writes down what it tells.
enum DecoderDriver {
    /// How the bytes reach the decoder.
    enum Reading: Sendable, CaseIterable {
        case buffered
        /// Straight into the message's memory wherever the decoder offers it.
        case direct
    }

    static func decode(
        _ stream: [UInt8],
        cuts: [Int] = [],
        configuration: InboundDecoder.Configuration = .init(),
        reading: Reading = .buffered
    ) -> [Observation] {
        var decoder = InboundDecoder(configuration: configuration, inflater: nil)
        return Self.decode(stream, cuts: cuts, with: &decoder, reading: reading)
    }

    static func decode(
        _ stream: [UInt8],
        cuts: [Int] = [],
        with decoder: inout InboundDecoder,
        reading: Reading = .buffered
    ) -> [Observation] {
        var seen: [Observation] = []
        var fragments: [UInt8] = []
        func take(_ event: InboundEvent) {
            if let observation = Self.observe(event, of: &decoder, fragments: &fragments) { seen.append(observation) }
        }
        let bounds = [0] + cuts + [stream.count]
        for (start, end) in zip(bounds, bounds.dropFirst()) {
            var position = start
            if reading == .direct, let target = decoder.directReadTarget() {
                let count = min(target.count, end - start)
                stream.withUnsafeBytes {
                    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
                }
                take(decoder.didReadDirectly(count))
                position += count
            }
            // A copy of its own, so that a decoder that keeps a pointer into an earlier piece is caught by the sanitizer.
            Array(stream[position..<end]).withUnsafeBytes { piece in
                var input = piece
                while true {
                    let event = decoder.next(&input)
                    take(event)
                    if event.kind == .needsInput { break }
                }
                #expect(input.isEmpty)
            }
        }
        return seen
    }

    private static func observe(
        _ event: InboundEvent,
        of decoder: inout InboundDecoder,
        fragments: inout [UInt8]
    ) -> Observation? {
        switch event.kind {
        case .needsInput:
            return nil
        case .text, .binary:
            let borrowed = Array(event.payload)
            if event.isOwned {
                let taken = decoder.takeMessage()
                #expect(taken == borrowed)
            }
            return event.kind == .text ? .text(borrowed) : .binary(borrowed)
        case .fragment:
            #expect(event.isFirst == fragments.isEmpty || event.payload.isEmpty)
            fragments += event.payload
            guard event.isFinal else { return nil }
            defer { fragments = [] }
            return event.isText ? .text(fragments) : .binary(fragments)
        case .ping: return .ping(Array(event.payload))
        case .pong: return .pong(Array(event.payload))
        case .close: return .close(decoder.close?.code.rawValue ?? 0, decoder.close?.reason ?? "?")
        case .failure: return .failure(decoder.failure?.closeCode.rawValue ?? 0)
        }
    }
}

/// One frame as a server sends it.
func frame(_ opcode: Opcode, _ payload: [UInt8] = [], isFinal: Bool = true, isCompressed: Bool = false) -> [UInt8] {
    var buffer = OutboundBuffer()
    payload.withUnsafeBytes {
        _ = buffer.appendFrame(
            opcode: opcode,
            isFinal: isFinal,
            isCompressed: isCompressed,
            payload: $0,
            maskingKey: nil
        )
    }
    return Array(buffer.pending)
}

extension String {
    var bytes: [UInt8] { Array(self.utf8) }
}
