import WebSocketCore

/// Fuzzes what reads a server's answer itself: the parser of heads, the decoder of bodies and the resolution of a Location.
/// One byte of options (the size of slices, and a limit), then the stream.
///
/// Whatever the stream: nothing traps, slices give what the whole gives, and limits hold.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHead(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeRawBufferPointer(start: bytes, count: count))
    guard let options = input.first else { return 0 }
    let stream = Array(input.dropFirst())
    let limit = options & 0x80 == 0 ? 4_096 : 64
    let slice = Int(options & 0x7F) + 1
    let whole = read(stream, limit: limit, slice: max(1, stream.count))
    precondition(whole == read(stream, limit: limit, slice: slice), "slices give something else")
    if case .success(let outcome) = whole { check(outcome, limit: limit) }
    return 0
}

/// What a stream is.
struct Outcome: Hashable {
    var head: HTTPResponseHead?
    var headSize = 0
    var body: [UInt8] = []
    var bodyIsComplete = false
}

/// How much of a body is kept.
let bodyLimit = 100

func read(_ stream: [UInt8], limit: Int, slice: Int) -> Result<Outcome, HTTPResponseHeadParser.Failure> {
    var parser = HTTPResponseHeadParser(maximumSize: limit, maximumFieldCount: 20)
    var outcome = Outcome()
    var decoder: HTTPBodyDecoder?
    var rest = stream[...]
    while !rest.isEmpty {
        var part = Array(rest.prefix(slice))
        rest = rest.dropFirst(part.count)
        if decoder == nil {
            do throws(HTTPResponseHeadParser.Failure) {
                let progress = try parser.parse(part)
                outcome.headSize += progress.consumed
                guard let head = progress.head else { continue }
                outcome.head = head
                decoder = HTTPBodyDecoder(head: head)
                part.removeFirst(progress.consumed)
            } catch {
                return .failure(error)
            }
        }
        decoder?.decode(part, into: &outcome.body, limit: bodyLimit)
    }
    outcome.bodyIsComplete = decoder?.isComplete ?? false
    return .success(outcome)
}

func check(_ outcome: Outcome, limit: Int) {
    precondition(outcome.headSize <= limit, "the head is over the limit")
    precondition(outcome.body.count <= bodyLimit, "the body is over the limit")
    guard let head = outcome.head else { return }
    precondition((100...999).contains(head.status), "a status of other than three digits")
    precondition(head.headers.count <= 20, "too many fields")
    let answer = WebSocketError.Handshake(status: head.status, headers: head.headers, bodyPrefix: outcome.body)
    if let wait = answer.retryAfter { precondition(wait >= .zero, "a wait of less than nothing") }
    guard let url = try? WebSocketURL("wss://user:password@example.com/a/b?c") else { return }
    var chain = RedirectChain(url: url, headers: ["Authorization": "secret"], limit: 5)
    do throws(WebSocketError) {
        try chain.redirected(by: answer)
        precondition(chain.url.isSecure, "from wss to ws")
        let isSame = chain.url.isSameOrigin(as: url)
        precondition(isSame || !chain.headers.contains("Authorization"), "a secret left its origin")
        precondition(chain.url.target.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a target that is none")
    } catch {
        precondition(error.code == .redirectFailed, "the error has a wrong code")
        precondition(error.message.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "a control character in a message")
    }
}
