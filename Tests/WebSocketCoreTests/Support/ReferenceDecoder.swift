import WebSocketCore

/// What a decoder tells, as values that can be compared.
enum Observation: Equatable {
    case text([UInt8])
    case binary([UInt8])
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16, String)
    case failure(UInt16)
}

/// RFC 6455 without compression, written to be read: the whole input at once, byte by byte, Swift's own UTF-8 decoder.
///
/// It judges a text at its end only, so it may see more of a stream whose text is wrong than the decoder under test; what
/// comes before the failure is equal.
struct ReferenceDecoder {
    var maximumMessageSize = 1 << 20

    func decode(_ input: [UInt8]) -> [Observation] {
        var seen: [Observation] = []
        var rest = input[...]
        var message: (opcode: UInt8, bytes: [UInt8])?
        func failing(_ code: UInt16) -> [Observation] { seen + [.failure(code)] }
        while rest.count >= 2 {
            let first = rest.removeFirst()
            let second = rest.removeFirst()
            let (fin, opcode) = (first & 0x80 != 0, first & 0x0F)
            guard first & 0x70 == 0, [0, 1, 2, 8, 9, 10].contains(opcode), second & 0x80 == 0 else {
                return failing(1002)
            }
            if opcode >= 8 && (!fin || second > 125) { return failing(1002) }
            var length = UInt64(second)
            if second >= 126 {
                let size = second == 126 ? 2 : 8
                guard rest.count >= size else { return seen }
                length = rest.prefix(size).reduce(0) { $0 << 8 | UInt64($1) }
                rest.removeFirst(size)
                if length < (size == 2 ? 126 : 65536) || length >> 63 == 1 { return failing(1002) }
            }
            if opcode == 0 && message == nil || (opcode == 1 || opcode == 2) && message != nil { return failing(1002) }
            if opcode < 8 && length + UInt64(message?.bytes.count ?? 0) > UInt64(self.maximumMessageSize) {
                return failing(1009)
            }
            guard UInt64(rest.count) >= length else { return seen }
            let payload = Array(rest.prefix(Int(length)))
            rest.removeFirst(Int(length))
            switch opcode {
            case 8:
                return seen + [Self.close(payload)]
            case 9: seen.append(.ping(payload))
            case 10: seen.append(.pong(payload))
            default:
                let whole = (message?.opcode ?? opcode, (message?.bytes ?? []) + payload)
                message = fin ? nil : whole
                guard fin else { continue }
                if whole.0 == 2 {
                    seen.append(.binary(whole.1))
                } else {
                    guard String(validating: whole.1, as: UTF8.self) != nil else { return failing(1007) }
                    seen.append(.text(whole.1))
                }
            }
        }
        return seen
    }

    private static func close(_ payload: [UInt8]) -> Observation {
        if payload.isEmpty { return .close(1005, "") }
        if payload.count == 1 { return .failure(1002) }
        let code = UInt16(payload[0]) * 256 + UInt16(payload[1])
        let legal: [UInt16] = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
        guard legal.contains(code) || (3000..<5000).contains(code) else { return .failure(1002) }
        guard let reason = String(validating: payload[2...], as: UTF8.self) else { return .failure(1007) }
        return .close(code, reason)
    }
}
