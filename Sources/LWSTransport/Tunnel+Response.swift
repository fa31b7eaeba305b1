internal import CLibwebsockets
internal import WebSocketCore

// The answer to the upgrade: a head, perhaps behind interim ones, and the body of a refusal.
extension Tunnel {
    /// lws has parsed a head.
    func lwsDidReceiveHead(_ wsi: OpaquePointer) -> Int32 {
        guard self.closure == nil, self.delegate != nil else { return -1 }
        let limit = self.request.maximumResponseHeadSize
        guard let head = ResponseHead.read(wsi, names: self.request.responseHeaderNames, limit: limit) else {
            return self.refuseHead("the response's head is larger than \(limit) bytes (limits.responseHeadSize)")
        }
        // What begins like a response and has no status, lws reads as 0.
        guard (100...999).contains(head.status) else { return self.refuseHead("the response has no status") }
        if Self.isInterim(head) {
            // lws parses one head, and takes what follows an interim one for its body: there the next head is.
            self.followingHeadRoom = limit
            self.followingHead = HTTPResponseHeadParser(maximumSize: limit)
            return 0
        }
        if !ResponseHead.isBodyDecoded(wsi) { self.bodyDecoder = HTTPBodyDecoder(head: head) }
        return self.received(head)
    }

    /// RFC 9110 section 15.2: any number of them may come, asked for or not, and a client skips what it does not know.
    private static func isInterim(_ head: HTTPResponseHead) -> Bool { head.status < 200 && head.status != 101 }

    private func refuseHead(_ words: String) -> Int32 {
        self.headIsWrong = true
        self.failure = words
        return -1
    }

    /// The head of the answer is here, whoever has parsed it.
    private func received(_ head: HTTPResponseHead) -> Int32 {
        guard let delegate = self.delegate else { return -1 }
        if head.status == 101, head.minorVersion == 0 { return self.refuseHead("status 101 in an HTTP/1.0 response") }
        if delegate.channelDidReceiveHead(head) {
            self.state = .open
            self.forgetOpening()
        } else {
            self.state = .refused
            // With some statuses there is no body (RFC 9112 section 6.3), and a server may wait for us.
            let hasBody = !HTTPBodyDecoder(head: head).isComplete
            if !hasBody || self.request.maximumRefusalBodySize == 0 { self.doom() }
        }
        self.core.openingEnded(self)
        // The header storage is given back after this callback: here lws still needs it (client-http.c:934).
        self.loop.wake(self)
        return 0
    }

    // MARK: Behind an interim response

    func readFollowingHead() {
        repeat {
            let count = self.read(into: self.scratch)
            self.parse(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(self.scratch)[..<count]))
        } while self.followingHead != nil && !self.leftover.isEmpty
    }

    private func parse(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty, self.followingHead != nil {
            do throws(HTTPResponseHeadParser.Failure) {
                guard let progress = try self.followingHead?.parse(UnsafeRawBufferPointer(rebasing: rest)) else {
                    return
                }
                rest = rest.dropFirst(progress.consumed)
                self.followingHeadRoom -= progress.consumed
                guard let head = progress.head else { return }
                if Self.isInterim(head) {
                    self.followingHead = HTTPResponseHeadParser(maximumSize: self.followingHeadRoom)
                } else {
                    self.followingHead = nil
                    self.received(head, before: rest)
                }
            } catch {
                self.followingHead = nil
                self.doom(because: "the response behind an interim one: \(error)")
            }
        }
    }

    private func received(_ head: HTTPResponseHead, before rest: Slice<UnsafeRawBufferPointer>) {
        self.bodyDecoder = HTTPBodyDecoder(head: head)
        guard self.received(head) == 0 else {
            self.doom()
            return
        }
        if self.state == .open {
            self.leftover.insert(contentsOf: rest, at: 0)
            if !self.leftover.isEmpty { self.tellReadable() }
        } else {
            self.takeBody(rest)
        }
    }

    private func doom(because words: String) {
        _ = self.refuseHead(words)
        self.doom()
    }

    // MARK: The body of a refusal

    func readBody() {
        let count = self.read(into: self.scratch)
        self.takeBody(UnsafeRawBufferPointer(self.scratch)[..<count])
    }

    /// Keeps the beginning of the body, and ends where the rest is of no interest.
    private func takeBody(_ bytes: Slice<UnsafeRawBufferPointer>) {
        let limit = self.request.maximumRefusalBodySize
        if self.bodyDecoder == nil {
            // lws tells with COMPLETED_CLIENT_HTTP where the body ends.
            self.bodyPrefix.append(contentsOf: bytes.prefix(limit - self.bodyPrefix.count))
        } else {
            self.bodyDecoder?.decode(bytes, into: &self.bodyPrefix, limit: limit)
        }
        if self.bodyPrefix.count >= limit || self.bodyDecoder?.isComplete == true { self.doom() }
    }
}
