import ArgumentParser

/// The ways of using SwiftNIO's WebSocket that are measured. NIO has no permessage-deflate, so that this is left out.
///
/// From the documentation of NIOWebSocket (https://swiftpackageindex.com/apple/swift-nio/2.101.2/documentation/niowebsocket),
/// the article "NIO and Swift Concurrency" of NIOCore, and the example Sources/NIOWebSocketClient of its repository.
/// What all share: the typed client upgrader, the frame aggregator behind the decoder, the singleton event loops, of which
/// one has all the connections, reads of up to 1 MiB (`ChannelOptions.recvAllocator`), and NIOSSL. A received text is validated by `readUTF8ValidatedString`, which NIO
/// leaves to its user, as it does the masking key of each frame.
enum NIOContestant: String, CaseIterable, Contestant, ExpressibleByArgument {
    /// A channel handler on the event loop. What it sends is written until the channel is not writable any more,
    /// then flushed, and again when the channel tells that it is writable.
    case handler = "nio"
    /// `NIOAsyncChannel`, its inbound stream and outbound writer, by a task on the default executor. A sink is
    /// written by `write(contentsOf:)`, 64 KiB at a time.
    case async = "nio-async"
    /// The same with the event loops as the global executor of Swift's concurrency, which
    /// `NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor` is for.
    case asyncOnLoop = "nio-async-loop"

    var name: String { self.rawValue }
}

/// What the shared `Measurement` wants to know.
protocol Contestant {
    var name: String { get }
}
