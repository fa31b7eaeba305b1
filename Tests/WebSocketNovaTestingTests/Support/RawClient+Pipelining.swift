import COpenSSL
import Glibc

extension RawClient {
    /// Sends everything without reading until the server has not taken a byte for a while, and only then reads as well, until
    /// `count` bytes have come.
    ///
    /// - Returns: how many bytes were sent before the first read, and what was read.
    func pipeline(_ bytes: [UInt8], expecting count: Int) throws -> (sentAlone: Int, received: [UInt8]) {
        _ = fcntl(self.descriptor, F_SETFL, fcntl(self.descriptor, F_GETFL) | O_NONBLOCK)
        var sent = 0
        while sent < bytes.count {
            let step = try self.trySend(bytes[sent...])
            if step == 0, !self.waits(for: POLLOUT, milliseconds: 300) { break }
            sent += step
        }
        let sentAlone = sent
        var received: [UInt8] = []
        while received.count < count {
            let isSending = sent < bytes.count
            guard self.waits(for: POLLIN | (isSending ? POLLOUT : 0), milliseconds: 10_000) else {
                throw Failure(description: "stuck: sent \(sent) of \(bytes.count), read \(received.count) of \(count)")
            }
            if isSending { sent += try self.trySend(bytes[sent...]) }
            received += try self.tryRead()
        }
        return (sentAlone, received)
    }

    private func waits(for events: Int32, milliseconds: Int32) -> Bool {
        var set = pollfd(fd: self.descriptor, events: Int16(events), revents: 0)
        return poll(&set, 1, milliseconds) > 0
    }

    private func trySend(_ bytes: ArraySlice<UInt8>) throws -> Int {
        // OpenSSL wants a write that it could not finish repeated with the same bytes: chunks at fixed places do that.
        try bytes.prefix(16_384 - bytes.startIndex % 16_384).withUnsafeBytes { buffer in
            if let connection = self.tlsConnection {
                let count = SSL_write(connection, buffer.baseAddress, Int32(buffer.count))
                return try self.isRetry(count, connection) ? 0 : Int(count)
            }
            let count = Glibc.send(self.descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
            guard count >= 0 || errno == EAGAIN else { throw Failure(description: "send: errno \(errno)") }
            return max(0, count)
        }
    }

    private func tryRead() throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        if let connection = self.tlsConnection {
            let count = SSL_read(connection, &bytes, Int32(bytes.count))
            return try self.isRetry(count, connection) ? [] : Array(bytes.prefix(Int(count)))
        }
        let count = recv(self.descriptor, &bytes, bytes.count, 0)
        guard count > 0 || (count < 0 && errno == EAGAIN) else {
            throw Failure(description: "recv: \(count), errno \(errno)")
        }
        return Array(bytes.prefix(max(0, count)))
    }

    private func isRetry(_ count: Int32, _ connection: OpaquePointer) throws -> Bool {
        if count > 0 { return false }
        let code = SSL_get_error(connection, count)
        guard code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE else {
            throw Failure(description: "TLS error \(code)")
        }
        return true
    }
}
