internal import CLibwebsockets
internal import COpenSSL
internal import Glibc
internal import WebSocketCore

// What became of the stream: lws closes a connection alike whatever was wrong with it.
extension Tunnel {
    /// Notes why a read found no more. Called right behind it, with its `errno`.
    func readFailed(_ code: Int32) {
        // The error of a socket is told once, to whoever calls next.
        let code = code == 0 ? self.socketWriter?.failure ?? 0 : code
        if self.streamFailure == nil { self.streamFailure = self.endOfReading(code) }
    }

    /// Notes why a write failed. Called right behind it, with its `errno`.
    ///
    /// - Returns: whether what had come before can still be read, to an end that is sure to be there: the peer has left, and
    ///   its last messages and its Close frame may be in the kernel's buffer.
    func writeFailed(_ code: Int32) -> Bool {
        if self.streamFailure == nil {
            self.streamFailure = Self.failure(errno: code) ?? TransportFailure(.tls, "TLS could not be written")
        }
        self.isWriteBroken = code == EPIPE || code == ECONNRESET
        return self.isWriteBroken
    }

    /// How an open tunnel ended that this side did not end.
    var endOfStream: TransportFailure {
        // Without a failed call of ours, lws itself failed to write what it had kept, or was told of an error by poll().
        self.streamFailure ?? (self.streamEnded ? .endOfStream : TransportFailure(.reset, "the TCP connection broke"))
    }

    private func endOfReading(_ code: Int32) -> TransportFailure {
        if let failure = Self.failure(errno: code) { return failure }
        guard let wsi, let ssl = lws_get_ssl(wsi) else { return .endOfStream }
        // lws has cleared OpenSSL's queue of errors (openssl-ssl.c:63); what the session remembers is left.
        if SSL_get_error(ssl, 0) == SSL_ERROR_ZERO_RETURN { return .endOfTLS }
        if SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 {
            return TransportFailure(.tls, "the peer sent a fatal TLS alert")
        }
        if let stream = SSL_get_rbio(ssl), BIO_ctrl(stream, BIO_CTRL_EOF, 0, nil) != 0 { return .truncatedTLS }
        return TransportFailure(.tls, "a TLS record from the peer was damaged")
    }

    /// Nil if the number says nothing of the stream: the end of one sets none.
    private static func failure(errno code: Int32) -> TransportFailure? {
        let words = describe(errno: code)
        return switch code {
        case 0, EAGAIN: nil
        case ECONNRESET: TransportFailure(.reset, "TCP connection reset by peer")
        case EPIPE: TransportFailure(.reset, "the peer had closed the TCP connection (\(words))")
        case ETIMEDOUT, EHOSTUNREACH, EHOSTDOWN, ENETUNREACH, ENETDOWN, ENETRESET:
            TransportFailure(.unreachable, "the peer cannot be reached any more (\(words))")
        case ENOMEM, ENOBUFS: TransportFailure(.local, "the system is short of memory (\(words))")
        default: TransportFailure(.reset, "the TCP connection broke (\(words))")
        }
    }

    var isBroken: Bool {
        self.core.assertOnLoop()
        guard let wsi else { return false }
        // Not SO_ERROR, which would take the error away from the read that is to tell of it.
        var set = pollfd(fd: lws_get_socket_fd(wsi), events: 0, revents: 0)
        return poll(&set, 1, 0) > 0 && Int32(set.revents) & (POLLERR | POLLHUP) != 0
    }
}
