internal import COpenSSL

/// OpenSSL as a whole.
package enum OpenSSLLibrary {
    /// Keeps OpenSSL from freeing its memory at the exit of the process: event loops' threads still use it then. It has to
    /// come before anything else of OpenSSL; later it does nothing.
    package static let staysUntilTheEnd: Void = {
        OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
    }()
}
