internal import CLibev
internal import CLibwebsockets
internal import Glibc

/// Which event loop library libwebsockets is driven by.
public enum EventLoopBackend: String, Sendable, CaseIterable {
    /// libev: scales to tens of thousands of connections.
    case libev
    /// libuv: scales as well, with some more system calls per message.
    case libuv
    /// poll(2): every turn costs time in proportion to the number of connections; fit for some hundred.
    case poll
}

/// One foreign loop, given to an lws context and then run from outside, turn by turn.
///
/// Foreign, because with its own loops lws takes over SIGINT, SIGTERM, SIGSEGV and others (libev.c:187, libuv.c:224), and
/// `lws_service` would not return between turns.
struct LoopBackend {
    private enum Storage {
        case libev(OpaquePointer, wake: UnsafeMutablePointer<ev_async>)
        case libuv(LibUV, UnsafeMutableRawPointer)
        case poll
    }

    private let storage: Storage

    /// Makes a loop, or nil where the library is missing.
    init?(_ kind: EventLoopBackend) {
        switch kind {
        case .libev:
            guard let loop = ev_loop_new(UInt32(EVFLAG_AUTO)) else { return nil }
            let wake = UnsafeMutablePointer<ev_async>.allocate(capacity: 1)
            wake.initialize(to: ev_async())
            nova_ev_async_init(wake)
            ev_async_start(loop, wake)
            self.storage = .libev(loop, wake: wake)
        case .libuv:
            guard let library = LibUV.shared, let loop = library.makeLoop() else { return nil }
            self.storage = .libuv(library, loop)
        case .poll:
            self.storage = .poll
        }
    }

    /// The pointer for `lws_context_creation_info.foreign_loops`.
    var foreignLoop: UnsafeMutableRawPointer? {
        switch self.storage {
        case .libev(let loop, _): UnsafeMutableRawPointer(loop)
        case .libuv(_, let loop): loop
        case .poll: nil
        }
    }

    /// The loop, if it is one of libev.
    var libevLoop: OpaquePointer? {
        if case .libev(let loop, _) = self.storage { loop } else { nil }
    }

    /// The option of the context that selects lws's plugin for this loop.
    var contextOption: UInt64 {
        switch self.storage {
        case .libev: UInt64(LWS_SERVER_OPTION_LIBEV)
        case .libuv: UInt64(LWS_SERVER_OPTION_LIBUV)
        case .poll: 0
        }
    }

    /// Handles what is ready; waits for something first if `blocking`.
    func turn(_ context: OpaquePointer, blocking: Bool) {
        switch self.storage {
        case .libev(let loop, _):
            ev_run(loop, Int32(blocking ? EVRUN_ONCE : EVRUN_NOWAIT))
        case .libuv(let library, let loop):
            _ = library.run(loop, blocking ? LibUV.runOnce : LibUV.runNoWait)
        case .poll:
            // 4.1.6 ignores the number: 0 and above wait until something happens, below 0 does not wait
            // (unix-service.c:100).
            lws_service(context, blocking ? 0 : -1)
        }
    }

    /// Ends a wait of ``turn(_:blocking:)``, or the next one. The one call that other threads may make.
    ///
    /// libev's own way where there is one (ev_async_send): lws tells its wake-up to every protocol of every vhost, and has
    /// libev look at all sockets once more before it waits.
    func wake(_ context: OpaquePointer) {
        switch self.storage {
        case .libev(let loop, let wake): ev_async_send(loop, wake)
        case .libuv, .poll: lws_cancel_service(context)
        }
    }

    private static func destroy(_ loop: OpaquePointer, _ wake: UnsafeMutablePointer<ev_async>) {
        ev_async_stop(loop, wake)
        wake.deallocate()
        ev_loop_destroy(loop)
    }

    /// Frees a context that was made on this loop, and the loop.
    func destroy(_ context: OpaquePointer) {
        lws_context_destroy(context)
        switch self.storage {
        case .libev(let loop, let wake):
            Self.destroy(loop, wake)
        case .libuv(let library, let loop):
            // On a foreign libuv loop the first call only begins to close the handles (context.c:1930): the second one,
            // when they are closed, frees the context.
            library.runToEnd(loop)
            lws_context_destroy(context)
            library.destroyLoop(loop)
        case .poll:
            break
        }
    }

    /// Frees a loop on which no context was made.
    func destroyUnused() {
        switch self.storage {
        case .libev(let loop, let wake): Self.destroy(loop, wake)
        case .libuv(let library, let loop): library.destroyLoop(loop)
        case .poll: break
        }
    }
}

/// The five functions of libuv that are needed, looked up at run time: as a fallback that is hardly ever used, it is no
/// reason to link every program with libuv. lws's plugin loads the same library.
struct LibUV: Sendable {
    static let runOnce: Int32 = 1
    static let runNoWait: Int32 = 2

    static let shared = LibUV()

    private let loopSize: @convention(c) () -> Int
    private let loopInit: @convention(c) (UnsafeMutableRawPointer) -> Int32
    private let loopClose: @convention(c) (UnsafeMutableRawPointer) -> Int32
    let run: @convention(c) (UnsafeMutableRawPointer, Int32) -> Int32

    private init?() {
        guard
            let library = dlopen("libuv.so.1", RTLD_NOW | RTLD_LOCAL),
            let loopSize = dlsym(library, "uv_loop_size"),
            let loopInit = dlsym(library, "uv_loop_init"),
            let loopClose = dlsym(library, "uv_loop_close"),
            let run = dlsym(library, "uv_run")
        else { return nil }
        // The signatures are those of libuv 1.x's stable API (uv.h).
        self.loopSize = unsafeBitCast(loopSize, to: (@convention(c) () -> Int).self)
        self.loopInit = unsafeBitCast(loopInit, to: (@convention(c) (UnsafeMutableRawPointer) -> Int32).self)
        self.loopClose = unsafeBitCast(loopClose, to: (@convention(c) (UnsafeMutableRawPointer) -> Int32).self)
        self.run = unsafeBitCast(run, to: (@convention(c) (UnsafeMutableRawPointer, Int32) -> Int32).self)
    }

    func makeLoop() -> UnsafeMutableRawPointer? {
        let loop = UnsafeMutableRawPointer.allocate(byteCount: self.loopSize(), alignment: 16)
        guard self.loopInit(loop) == 0 else {
            loop.deallocate()
            return nil
        }
        return loop
    }

    /// Runs the loop until no handle is left on it; 100 turns are far more than that ever takes.
    func runToEnd(_ loop: UnsafeMutableRawPointer) {
        for _ in 0..<100 {
            if self.run(loop, Self.runNoWait) == 0 { break }
        }
    }

    func destroyLoop(_ loop: UnsafeMutableRawPointer) {
        // Refused while there are handles: then the memory must stay.
        if self.loopClose(loop) == 0 { loop.deallocate() }
    }
}
