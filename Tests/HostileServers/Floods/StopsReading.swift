internal import WebSocketCore
internal import WebSocketNovaTesting

extension HostileServer {
    /// Our writes fill the kernel's buffers and block.
    package static let stopsReading = Self.afterUpgrade("stops reading", [.mark("stopped"), .stopReading])
    package static let closesWithoutReading = Self.afterUpgrade(
        "closes and reads nothing",
        [.pause(until: "full"), .send(Frame.close(1000)), .stopReading]
    )
}
