internal import CLibwebsockets
internal import Glibc

/// The C functions that lws calls, and the protocol table that names them.
enum LWSCallbacks {
    /// The protocol of tunnels. It is the first of the table, because lws tells `WSI_DESTROY` to the first one.
    static let tunnelProtocolName = "nova-tunnel"
    static let timerProtocolName = "nova-timer"
    static let watcherProtocolName = "nova-watcher"

    /// lws keeps pointers to the table's names for as long as any context lives: it is never freed.
    nonisolated(unsafe) static let protocols: UnsafePointer<lws_protocols> = {  // immutable once made
        let table = UnsafeMutablePointer<lws_protocols>.allocate(capacity: 4)
        table.initialize(repeating: lws_protocols(), count: 4)
        table[0].name = UnsafePointer(strdup(Self.tunnelProtocolName))
        table[0].callback = tunnelCallback
        // The most that lws passes to one send(); what is beyond it would be copied into its own list (output.c:107).
        table[0].tx_packet_size = 16 * 1024 * 1024
        table[1].name = UnsafePointer(strdup(Self.timerProtocolName))
        table[1].callback = timerCallback
        table[2].name = UnsafePointer(strdup(Self.watcherProtocolName))
        table[2].callback = watcherCallback
        return UnsafePointer(table)
    }()
}

private func timerCallback(
    wsi: OpaquePointer?,
    reason: lws_callback_reasons,
    user: UnsafeMutableRawPointer?,
    in: UnsafeMutableRawPointer?,
    len: Int
) -> Int32 {
    if reason == LWS_CALLBACK_RAW_RX_FILE, let opaque = lws_get_opaque_user_data(wsi) {
        Unmanaged<LoopCore>.fromOpaque(opaque).takeUnretainedValue().timerFired()
    }
    return 0
}

private func watcherCallback(
    wsi: OpaquePointer?,
    reason: lws_callback_reasons,
    user: UnsafeMutableRawPointer?,
    in: UnsafeMutableRawPointer?,
    len: Int
) -> Int32 {
    if reason == LWS_CALLBACK_RAW_RX_FILE, let opaque = lws_get_opaque_user_data(wsi) {
        Unmanaged<SocketWatcher>.fromOpaque(opaque).takeUnretainedValue().socketsAreReady()
    }
    return 0
}

/// Every callback of a client connection. The reason is looked at before anything else: for many reasons `wsi` is not a real
/// one and `user` is something else.
private func tunnelCallback(
    wsi: OpaquePointer?,
    reason: lws_callback_reasons,
    user: UnsafeMutableRawPointer?,
    in: UnsafeMutableRawPointer?,
    len: Int
) -> Int32 {
    switch reason {
    case LWS_CALLBACK_WSI_CREATE, LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER,
        LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP, LWS_CALLBACK_RECEIVE_CLIENT_HTTP,
        LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ, LWS_CALLBACK_COMPLETED_CLIENT_HTTP,
        LWS_CALLBACK_CLIENT_HTTP_WRITEABLE, LWS_CALLBACK_CLIENT_CONNECTION_ERROR,
        LWS_CALLBACK_CLOSED_CLIENT_HTTP, LWS_CALLBACK_WSI_DESTROY:
        // Null before lws_client_connect_via_info has bound it, and after the end.
        guard let wsi, let opaque = lws_get_opaque_user_data(wsi) else { return 0 }
        let attempt = Unmanaged<TunnelAttempt>.fromOpaque(opaque).takeUnretainedValue()
        return dispatch(reason, wsi, attempt, `in`, len)
    default:
        // GET_THREAD_ID, EVENT_WAIT_CANCELLED and all unknown reasons must be answered with 0.
        return 0
    }
}

private func dispatch(
    _ reason: lws_callback_reasons,
    _ wsi: OpaquePointer,
    _ attempt: TunnelAttempt,
    _ data: UnsafeMutableRawPointer?,
    _ length: Int
) -> Int32 {
    switch reason {
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return attempt.tunnel.lwsIsReadable()
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        attempt.tunnel.lwsDidRead(UnsafeRawBufferPointer(start: data, count: length))
    case LWS_CALLBACK_CLIENT_HTTP_WRITEABLE:
        attempt.tunnel.lwsIsWritable()
    case LWS_CALLBACK_WSI_CREATE:
        attempt.lwsDidConnect(wsi)
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        guard let data else { return -1 }
        return attempt.lwsWillSendRequest(data.assumingMemoryBound(to: UnsafeMutablePointer<UInt8>.self), length)
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        return attempt.tunnel.lwsDidReceiveHead(wsi)
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
        // The body of a refusal is whole; the connection is of no further use.
        return -1
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        let text = data.map { String(decoding: UnsafeRawBufferPointer(start: $0, count: length), as: UTF8.self) }
        if let text { attempt.failed(text) }
        attempt.tunnel.lwsWillClose(wsi)
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
        attempt.tunnel.lwsWillClose(wsi)
    case LWS_CALLBACK_WSI_DESTROY:
        attempt.lwsDidDestroy()
    default:
        break
    }
    return 0
}
