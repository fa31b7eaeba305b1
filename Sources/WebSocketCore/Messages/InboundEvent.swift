/// What an ``InboundDecoder`` found. A trivial value: looking at it costs no reference count.
package struct InboundEvent {
    package enum Kind: UInt8, Sendable {
        /// The input is used up; there is no event yet.
        case needsInput
        /// A whole text message; its payload is UTF-8.
        case text
        /// A whole binary message.
        case binary
        /// A piece of a message, where ``InboundDecoder/deliversFragments`` asked for it. Pieces are what happened to
        /// come together: they follow neither the frames of the peer nor, in text, the bounds of code points.
        case fragment
        case ping
        case pong
        /// A Close frame: ``InboundDecoder/close`` holds its code and reason. The last event.
        case close
        /// The peer broke the protocol: ``InboundDecoder/failure`` says how. The last event.
        case failure
    }

    package let kind: Kind

    /// Whether the payload is in the decoder's own memory, from where ``InboundDecoder/takeMessage()`` moves it out.
    package let isOwned: Bool

    /// Of a fragment: whether its message is text.
    package let isText: Bool

    /// Of a fragment: whether it begins its message.
    package let isFirst: Bool

    /// Of a fragment: whether it ends its message.
    package let isFinal: Bool

    /// The payload, in the input or in the decoder's memory. Good until the next call that mutates the decoder, and as
    /// long as the input is.
    package let payload: UnsafeRawBufferPointer

    @inlinable
    init(
        _ kind: Kind,
        payload: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        isOwned: Bool = false,
        isText: Bool = false,
        isFirst: Bool = true,
        isFinal: Bool = true
    ) {
        self.kind = kind
        self.isOwned = isOwned
        self.isText = isText
        self.isFirst = isFirst
        self.isFinal = isFinal
        self.payload = payload
    }
}
