internal import CLibwebsockets
internal import Glibc
internal import WebSocketCore

// What lws tells, in its callbacks.
extension Tunnel {
    /// Puts our request over the one that lws has generated (client-http.c:1214): `position` points behind the latter in the
    /// service buffer, and `room` is what is left there, less 12.
    func lwsWillSendRequest(_ position: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>, _ room: Int) -> Int32 {
        self.enter(.upgrade)
        let start = position.pointee + room + 12 - LoopCore.serviceBufferSize
        let isExpected = start[0] == UInt8(ascii: "G") && start[1] == UInt8(ascii: "E") && start[2] == UInt8(ascii: "T")
        // lws adds the empty line.
        let head = self.request.head.dropLast(2)
        guard isExpected, head.count <= LWSTransport.maximumRequestSize else {
            self.failure = "the request does not fit libwebsockets' buffer"
            return -1
        }
        for (offset, byte) in head.enumerated() { start[offset] = byte }
        position.pointee = start + head.count
        return 0
    }

    func lwsIsReadable() -> Int32 {
        guard !self.isDoomed else { return 0 }
        // Without a read by its own function lws does not tell again.
        guard self.readWatcher == nil else { return 0 }
        self.isInReadCallback = true
        defer { self.isInReadCallback = false }
        switch self.state {
        case .open:
            self.detachHeaders()
            self.hasRead = false
            self.delegate?.channelIsReadable()
            if self.hasRead { self.beginReadingDirectly() }
        case .refused:
            self.readBody()
        case .connecting:
            self.readFollowingHead()
        case .resolving, .closed:
            break
        }
        return self.streamEnded ? -1 : 0
    }

    /// From here on the socket is read without lws, if there is nothing left that lws has read.
    private func beginReadingDirectly() {
        guard
            let wsi, let loop = self.core.backend.libevLoop, self.state == .open, !self.isDoomed, !self.streamEnded,
            !self.isSecure, self.leftover.isEmpty, self.core.hasNothingBuffered
        else { return }
        self.readWatcher = ReadWatcher(loop, descriptor: lws_get_socket_fd(wsi), tunnel: self)
    }

    /// The socket can be read without lws.
    func socketIsReadable() {
        guard self.state == .open, !self.isDoomed else { return }
        self.hasRead = false
        self.delegate?.channelIsReadable()
        // Else it would be told at every turn.
        if !self.hasRead { self.readWatcher?.pause() }
    }

    func lwsDidRead(_ bytes: UnsafeRawBufferPointer) {
        // Called once for a read, but for a refusal's body in chunks once for each of them.
        let room = UnsafeMutableRawBufferPointer(rebasing: self.readTarget[self.readCount...])
        let fitting = min(bytes.count, room.count)
        self.readCount += fitting
        if bytes.baseAddress == UnsafeRawPointer(room.baseAddress) { return }
        // From a buffer of lws, what came together with the response's head; or from further on in ours, a chunk behind
        // the line with its size.
        room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<fitting]))
        self.leftover.append(contentsOf: bytes[fitting...])
    }

    func lwsIsWritable() {
        guard self.state == .open else { return }
        if self.closesWhenFlushed {
            if self.isFlushed { self.doom() }
        } else if self.isWritableAwaited {
            // lws also asks by itself, to write what it has kept.
            self.isWritableAwaited = false
            self.delegate?.channelIsWritable()
        }
    }

}
