import WebSocketCore

/// Fuzzes the inflate path of permessage-deflate. Four bytes of parameters, then up to three messages.
///
/// Whatever the bytes: nothing traps, the limit holds, the result is the same whether a message comes whole or in pieces,
/// and what is deflated inflates to itself.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzInflate(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: bytes, count: count)
    guard input.count > 4 else { return 0 }
    let parameters = Parameters(
        windowBits: 8 + Int(input[0] & 7),
        contextTakeover: input[0] & 8 != 0,
        limit: Int(input[1]) * 64,
        pieceSize: Int(input[2] & 63) + 1
    )
    let messages = split(Array(input[4...]), at: input[3])

    let whole = inflate(messages, parameters, pieceSize: .max)
    let cut = inflate(messages, parameters, pieceSize: parameters.pieceSize)
    if parameters.windowBits == 15 {
        precondition(whole == cut, "the result depends on how a message is cut")
    } else {
        // A reference to what lies beyond a smaller window is an error, which zlib only sees once the bytes in between have
        // left its output buffer.
        let common = zip(whole.messages, cut.messages)
        precondition(common.allSatisfy { $0 == $1 }, "the result depends on how a message is cut")
    }
    checkRoundTrip(messages, parameters)
    return 0
}

struct Parameters {
    var windowBits: Int
    var contextTakeover: Bool
    var limit: Int
    var pieceSize: Int
}

/// What came of a row of messages: each one's bytes, up to an error.
struct Inflated: Equatable {
    var messages: [[UInt8]] = []
    var error: InflateError?
}

/// One to three messages; their ends are at eighths of the bytes.
func split(_ bytes: [UInt8], at places: UInt8) -> [[UInt8]] {
    let first = bytes.count * Int(places & 7) / 8
    let second = max(first, bytes.count * Int(places >> 3 & 7) / 8)
    return [bytes[..<first], bytes[first..<second], bytes[second...]].filter { !$0.isEmpty }.map(Array.init)
}

func inflate(_ messages: [[UInt8]], _ parameters: Parameters, pieceSize: Int) -> Inflated {
    var inflater = Inflater(windowBits: parameters.windowBits, contextTakeover: parameters.contextTakeover)
    var result = Inflated()
    for message in messages {
        var output = MessageBuffer()
        do {
            try feed(message, to: &inflater, pieceSize: pieceSize, into: &output, limit: parameters.limit)
        } catch {
            precondition(output.count <= parameters.limit, "more was inflated than the limit allows")
            result.error = error as? InflateError
            return result
        }
        precondition(output.count <= parameters.limit, "more was inflated than the limit allows")
        result.messages.append(output.take())
    }
    return result
}

func feed(
    _ message: [UInt8],
    to inflater: inout Inflater,
    pieceSize: Int,
    into output: inout MessageBuffer,
    limit: Int
) throws {
    var rest = message[...]
    while !rest.isEmpty {
        let piece = rest.prefix(pieceSize)
        rest = rest.dropFirst(piece.count)
        // The pointer is only used during the call.
        try piece.withUnsafeBytes { try inflater.inflate($0, into: &output, limit: limit) }
    }
    try inflater.finishMessage(into: &output, limit: limit)
}

/// Deflates the messages as if they were plain, and inflates them again.
func checkRoundTrip(_ messages: [[UInt8]], _ parameters: Parameters) {
    guard parameters.windowBits > 8 else { return }
    var deflater = Deflater(
        windowBits: parameters.windowBits,
        contextTakeover: parameters.contextTakeover,
        level: parameters.limit % 10,
        memoryLevel: 8
    )
    var deflated: [[UInt8]] = []
    for message in messages {
        var output = MessageBuffer()
        do {
            // The pointer is only used during the call.
            try message.withUnsafeBytes { try deflater.deflate($0, isFinal: true, into: &output) }
        } catch {
            preconditionFailure("a message could not be deflated")
        }
        deflated.append(output.take())
    }
    var unlimited = parameters
    unlimited.limit = .max
    let inflated = inflate(deflated, unlimited, pieceSize: parameters.pieceSize)
    precondition(inflated == Inflated(messages: messages), "deflating and inflating has changed a message")
}
