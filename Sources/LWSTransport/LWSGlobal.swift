package import CLibwebsockets
import Glibc
package import Logging
import Synchronization
internal import WebSocketCore

/// What libwebsockets does to the whole process, done once and kept small.
///
/// Every `lws_create_context` of this package goes through ``makeContext(_:)``, because creating a context has four effects
/// beyond the context:
///
/// - **SIGPIPE.** lws sets the signal to be ignored in the whole process (`unix-init.c`). The disposition is put back; a
///   thread that runs a context calls ``blockSIGPIPE()`` instead, which concerns nobody else.
/// - **Descriptor tables.** lws clears 16 bytes for every descriptor that the soft `RLIMIT_NOFILE` allows, Debian's build
///   looks through the half of that each time a socket is closed (a check with `assert`, unix-fds.c:81), and with a limit
///   over 10,000,000 lws silently serves only 2,560 descriptors (`context.c`). A higher soft limit than the context is to
///   serve is lowered while the context is created, and put back; the context serves descriptors below that number.
/// - **OpenSSL's ex-data index.** In 4.1.6 each context with `DO_SSL_GLOBAL_INIT` takes the process-wide index anew
///   (`openssl-tls.c`), upon which TLS handshakes of other contexts fail. ``prepare()`` takes it once; contexts are created
///   with `EXPLICIT_VHOSTS` and without `DO_SSL_GLOBAL_INIT`, which belongs into the options of the vhosts only.
/// - **The log.** lws has one log for the process, on standard error. It goes to swift-log, label `websocketnova.lws`:
///   errors and warnings, more after ``setLogLevel(_:)``.
///
/// What stays: OpenSSL is initialised, and is not cleaned up when the process exits; lws's log goes to swift-log until the
/// process ends, also for other users of lws.
package enum LWSGlobal {
    /// The most descriptors that a context makes room for, unless it is asked for more: 1 MiB of tables.
    package static let defaultMaximumDescriptors = 65_536

    /// Serialises what changes the process for a moment.
    private static let creation = Mutex(())

    private static let logger = Logger(label: "websocketnova.lws")

    private static let prepared: Void = {
        _ = OpenSSLLibrary.staysUntilTheEnd
        Self.setLogLevel(LLL_ERR | LLL_WARN)
        var info = lws_context_creation_info()
        info.port = CONTEXT_PORT_NO_LISTEN
        info.options = UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_EXPLICIT_VHOSTS)
        // The index outlives the context that took it.
        if let context = Self.create(&info, Self.defaultMaximumDescriptors) { lws_context_destroy(context) }
    }()

    /// Does what has to be done once in the process before the first context. Cheap after the first call; any thread.
    package static func prepare() {
        _ = Self.prepared
    }

    /// Creates a context without its effects on the process. Any thread; calls after each other.
    ///
    /// `info.options` must have `LWS_SERVER_OPTION_EXPLICIT_VHOSTS` and must not have `LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT`.
    /// - Parameter maximumDescriptors: the context serves descriptors below the soft `RLIMIT_NOFILE` and this number.
    package static func makeContext(
        _ info: inout lws_context_creation_info,
        maximumDescriptors: Int = Self.defaultMaximumDescriptors
    ) -> OpaquePointer? {
        Self.prepare()
        let options = Int64(bitPattern: info.options)
        assert(options & LWS_SERVER_OPTION_EXPLICIT_VHOSTS != 0, "a context makes its vhosts explicitly")
        assert(options & LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT == 0, "the ex-data index is taken once, by prepare()")
        return Self.create(&info, maximumDescriptors)
    }

    private static func create(
        _ info: inout lws_context_creation_info,
        _ maximumDescriptors: Int
    ) -> OpaquePointer? {
        var context: OpaquePointer?
        Self.creation.withLock { _ in
            var disposition = sigaction()
            let saved = sigaction(SIGPIPE, nil, &disposition) == 0
            defer { if saved { sigaction(SIGPIPE, &disposition, nil) } }
            context = Self.withDescriptorLimit(of: maximumDescriptors) { lws_create_context(&info) }
        }
        return context
    }

    /// Runs the body with a soft descriptor limit of at most `maximum`, then puts the limit back.
    ///
    /// The limit belongs to the process: for as long as the body runs, another thread cannot open descriptors above it.
    package static func withDescriptorLimit<Result>(of maximum: Int, _ body: () -> Result) -> Result {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0,
            limit.rlim_cur > rlim_t(maximum)
        else { return body() }
        var bounded = limit
        bounded.rlim_cur = rlim_t(maximum)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &bounded)
        defer { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
        return body()
    }

    /// Blocks SIGPIPE for the calling thread: a write to a closed socket then fails with EPIPE and nothing more.
    package static func blockSIGPIPE() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    /// Chooses which of lws's log lines go to swift-log: a union of `LLL_ERR`, `LLL_WARN`, `LLL_NOTICE`, `LLL_INFO`, …
    ///
    /// Debian's build has all levels compiled in; below `LLL_INFO` every callback writes lines.
    package static func setLogLevel(_ levels: Int32) {
        lws_set_log_level(levels) { level, line in
            guard let line else { return }
            LWSGlobal.log(level, String(cString: line))
        }
    }

    private static func log(_ level: Int32, _ line: String) {
        let text = line.last == "\n" ? line.dropLast() : line[...]
        Self.logger.log(level: Self.level(of: level), "\(text)")
    }

    package static func level(of level: Int32) -> Logger.Level {
        switch level {
        case LLL_ERR: .error
        case LLL_WARN: .warning
        case LLL_NOTICE: .info
        case LLL_INFO: .debug
        default: .trace
        }
    }
}
