import CLibwebsockets

/// permessage-deflate as far as lws sees it: an extension that changes no byte.
///
/// lws 4.1.6's own implementation can be made to abort the process and to loop forever by legal traffic. This one only makes
/// lws negotiate the extension and let RSV1 pass; the payload is inflated and deflated in ``EchoCompression``.
enum PassThroughExtension {
    /// A list of extensions that lives as long as the process, because vhosts keep a pointer to it.
    struct Table: @unchecked Sendable {
        // Written once, before it is shared.
        let pointer: UnsafePointer<lws_extension>
        let options: UnsafeMutablePointer<lws_ext_options>
    }

    static let name = "permessage-deflate"

    static let table: Table = {
        var memory = CMemory()
        var entry = lws_extension()
        entry.name = memory.string(Self.name)
        entry.callback = passThroughCallback
        return Table(
            pointer: UnsafePointer(memory.array([entry, lws_extension()])),
            // No options: the parameters of the answer are written in `append(_:to:)`.
            options: memory.array([lws_ext_options()])
        )
    }()

    /// Appends parameters to the `Sec-WebSocket-Extensions: permessage-deflate` that lws has just written.
    ///
    /// lws itself answers only with parameters without a value.
    static func append(_ parameters: String, to input: UnsafeMutableRawPointer) -> Int32 {
        let arguments = input.assumingMemoryBound(to: lws_process_html_args.self)
        guard let end = arguments.pointee.p else { return -1 }
        let expected = Array((Self.name + "\r\n").utf8)
        let written = UnsafeRawBufferPointer(start: end - expected.count, count: expected.count)
        guard written.elementsEqual(expected) else { return 0 }
        let addition = Array((parameters + "\r\n").utf8)
        guard addition.count < Int(arguments.pointee.max_len) else { return -1 }
        UnsafeMutableRawPointer(end - 2).copyMemory(from: addition, byteCount: addition.count)
        arguments.pointee.p = end - 2 + addition.count
        return 0
    }
}

/// Result 0 lets the bytes through unchanged (`PMDR_UNKNOWN` in lws's sources).
private func passThroughCallback(
    context: OpaquePointer?,
    extension: UnsafePointer<lws_extension>?,
    wsi: OpaquePointer?,
    reason: lws_extension_callback_reasons,
    user: UnsafeMutableRawPointer?,
    input: UnsafeMutableRawPointer?,
    length: Int
) -> Int32 {
    switch reason {
    case LWS_EXT_CB_CONSTRUCT:
        // lws reads the options through this pointer to a pointer.
        input?.assumingMemoryBound(to: UnsafeMutablePointer<lws_ext_options>.self).pointee =
            PassThroughExtension.table.options
    case LWS_EXT_CB_PACKET_TX_PRESEND:
        guard let context, let wsi, let pointer = lws_context_user(context), let input else { return 0 }
        let loop = Unmanaged<EchoServerLoop>.fromOpaque(pointer).takeUnretainedValue()
        let frame = input.assumingMemoryBound(to: lws_tokens.self).pointee
        if loop.connections[wsi]?.marksFrame == true, frame.len > 0 { frame.token?.pointee |= 0x40 }
    default:
        break
    }
    return 0
}
