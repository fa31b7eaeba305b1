import WebSocketCore

/// Fuzzes the rules for a server's answer to the upgrade. One byte of options, then the status as text, then header lines
/// of `name:value`, all separated by line feeds. The value `$` stands for the right `Sec-WebSocket-Accept`.
///
/// Whatever the answer: nothing traps, only what was offered is granted, an error has the right code, and its message shows
/// no control character of the peer.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzUpgrade(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: bytes, count: count)
    guard let options = input.first, let request = request(options) else { return 0 }
    let head = head(Array(input.dropFirst()), accept: request.key.accept)
    do throws(WebSocketError) {
        check(try UpgradeResponse.validate(head: head, for: request), status: head.status, request)
    } catch {
        let expected: WebSocketError.Code = head.status == 101 ? .invalidUpgradeResponse : .upgradeRefused
        precondition(error.code == expected, "the error has a wrong code")
        precondition(error.handshake?.headers == head.headers, "the error has not the answer's headers")
        precondition(error.message.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "a control character in a message")
    }
    return 0
}

/// A request whose offers the options choose; it is legal, whatever they are.
func request(_ options: UInt8) -> UpgradeRequest? {
    typealias Offer = CompressionConfiguration.Offer
    let bits = 8 + Int(options >> 4 & 7)
    let offers: [[Offer]] = [
        [],
        [.standard],
        [
            Offer(serverNoContextTakeover: true, serverMaxWindowBits: bits, clientMaxWindowBits: .atMost(bits)),
            .standard,
        ],
        [Offer(clientNoContextTakeover: true, clientMaxWindowBits: .notOffered)],
    ]
    let chosen = offers[Int(options & 3)]
    return try? UpgradeRequest(
        url: WebSocketURL("ws://example.com/"),
        subprotocols: options & 4 == 0 ? [] : ["chat", "superchat"],
        compression: chosen.isEmpty ? nil : CompressionConfiguration(offers: chosen),
        key: WebSocketKey(nonce: Array(repeating: options, count: 16))
    )
}

func head(_ text: [UInt8], accept: String) -> HTTPResponseHead {
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    var headers = HTTPFields()
    for line in lines.dropFirst() {
        let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(decoding: parts[0], as: UTF8.self)
        let value = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
        headers.append(name: name, value: value == "$" ? accept : value)
    }
    let status = lines.first.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
    return HTTPResponseHead(status: status, headers: headers)
}

func check(_ result: UpgradeResult, status: Int, _ request: UpgradeRequest) {
    precondition(status == 101, "a status other than 101 was accepted")
    if let subprotocol = result.subprotocol {
        precondition(request.subprotocols.contains(subprotocol), "a subprotocol that was not offered was accepted")
    }
    if let deflate = result.deflate {
        precondition(request.compression != nil, "an extension that was not offered was accepted")
        precondition((8...15).contains(deflate.serverMaxWindowBits), "window bits out of range")
        precondition((8...15).contains(deflate.clientMaxWindowBits), "window bits out of range")
    }
}
