import WebSocketCore

/// Fuzzes what decodes a server's bytes. The first byte chooses options, the second how the rest, the stream, is cut.
///
/// Whatever the stream: the decoder never traps, text is UTF-8, no message exceeds the limit, and the events are the same
/// whether the stream comes whole or in pieces.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrames(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: bytes, count: count)
    guard input.count > 2 else { return 0 }
    let options = Options(input[0])
    let stream = UnsafeRawBufferPointer(rebasing: input[2...])

    var whole = Observer(options)
    whole.feed(stream)
    var cut = Observer(options)
    for piece in Pieces(of: stream, seed: input[1]) { cut.feed(piece) }

    precondition(whole.events == cut.events, "the events depend on how the stream is cut")
    precondition(whole.unfinished == cut.unfinished, "the unfinished message depends on how the stream is cut")
    return 0
}

/// What the input's first byte says.
struct Options {
    var compression: Bool
    var contextTakeover: Bool
    var deliversFragments: Bool
    var readsDirectly: Bool

    /// Above the threshold of direct reads, so that they are reached.
    static let messageLimit = 4 * InboundDecoder.directReadThreshold
    static let fragmentLimit = 16

    init(_ byte: UInt8) {
        self.compression = byte & 1 != 0
        self.contextTakeover = byte & 2 != 0
        self.deliversFragments = byte & 4 != 0
        self.readsDirectly = byte & 8 != 0
    }

    var inflater: Inflater? {
        self.compression ? Inflater(windowBits: 15, contextTakeover: self.contextTakeover) : nil
    }
}

/// Pieces of 0 to 63 bytes, their sizes out of a linear congruential generator.
struct Pieces: Sequence, IteratorProtocol {
    private var rest: UnsafeRawBufferPointer
    private var state: UInt32

    init(of stream: UnsafeRawBufferPointer, seed: UInt8) {
        self.rest = stream
        self.state = UInt32(seed)
    }

    mutating func next() -> UnsafeRawBufferPointer? {
        guard !self.rest.isEmpty else { return nil }
        self.state = self.state &* 1_664_525 &+ 1_013_904_223
        let piece = UnsafeRawBufferPointer(rebasing: self.rest.prefix(Int(self.state >> 26)))
        self.rest = UnsafeRawBufferPointer(rebasing: self.rest.dropFirst(piece.count))
        return piece
    }
}
