// TLS between the steps and the socket.
extension ScriptConnection {
    /// Answers the client's TLS handshake. With a limit, no more than so many bytes of the server's first flight are sent,
    /// and the handshake stays there.
    mutating func startTLS(
        _ identity: ScriptedServer.Identity,
        sendingAtMost limit: Int?
    ) throws(ScriptSocket.Interruption) {
        let tls = try ScriptTLS(identity)
        var isComplete = false
        while !isComplete {
            if self.inbox.isEmpty { try self.readMore() }
            tls.put(self.inbox)
            self.inbox = []
            isComplete = try self.shakeHands(tls, limit)
            if limit != nil { return }
        }
        // The client's first bytes may have come with the end of its handshake.
        _ = try tls.decrypt(into: &self.inbox)
        self.tls = consume tls
    }

    /// One step of the handshake. What it makes is sent, also when it fails: then it is an alert.
    private mutating func shakeHands(
        _ tls: borrowing ScriptTLS,
        _ limit: Int?
    ) throws(ScriptSocket.Interruption) -> Bool {
        do throws(ScriptSocket.Interruption) {
            let isComplete = try tls.shakeHands()
            let flight = tls.takeOutput()
            try self.sendRaw(flight.prefix(limit ?? flight.count))
            return isComplete
        } catch {
            let alert = tls.takeOutput()
            if !alert.isEmpty { try self.sendRaw(alert[...]) }
            throw error
        }
    }

    /// The bytes as they go over the socket.
    func onTheWire(_ bytes: ArraySlice<UInt8>) throws(ScriptSocket.Interruption) -> ArraySlice<UInt8> {
        switch self.tls {
        case .some(let tls): try tls.encrypt(bytes)[...]
        case .none: bytes
        }
    }

    /// Reads what there is for the steps; false if that is nothing now.
    mutating func readSocket() throws(ScriptSocket.Interruption) -> Bool {
        guard self.tls != nil else { return try self.socket?.read(into: &self.inbox) == true }
        var records: [UInt8] = []
        guard try self.socket?.read(into: &records) == true else { return false }
        var bytes: [UInt8] = []
        if try self.decrypt(records, into: &bytes) { self.player.record(self.index) { $0.sawCloseNotify = true } }
        self.inbox += bytes
        return !bytes.isEmpty
    }

    private func decrypt(_ records: [UInt8], into bytes: inout [UInt8]) throws(ScriptSocket.Interruption) -> Bool {
        switch self.tls {
        case .some(let tls):
            tls.put(records)
            return try tls.decrypt(into: &bytes)
        case .none:
            return false
        }
    }

    mutating func sendCloseNotify() throws(ScriptSocket.Interruption) {
        let alert = self.closeNotify()
        if !alert.isEmpty { try self.sendRaw(alert[...]) }
    }

    private func closeNotify() -> [UInt8] {
        switch self.tls {
        case .some(let tls): tls.closeNotify()
        case .none: []
        }
    }
}
