import Glibc
import TestSupport
import Testing
import WebSocketCore

@testable import LWSTransport

@Suite("The resolver", .timeLimit(.minutes(1)))
struct ResolverTests {
    /// Look-ups that return when they are told to.
    private final class Names: Sendable {
        private let begun = Locked<[String]>([])
        private let released = Locked<Set<String>>([])

        var lookUps: [String] { self.begun.value }

        func release(_ name: String) { self.released.withLock { _ = $0.insert(name) } }

        func lookUp(_ host: String, _ family: NetworkConfiguration.AddressFamily) -> Resolver.Outcome {
            self.begun.withLock { $0.append(host) }
            while !self.released.value.contains(host) {
                // A thread of the resolver, as blocked as in getaddrinfo.
                usleep(500)
            }
            return .success(["\(host) \(family)"])
        }
    }

    private func answers(_ answers: Locked<[Resolver.Outcome]>) -> [[String]] {
        answers.value.compactMap { try? $0.get() }
    }

    @Test func `callers for one name share a look-up, those for another family do not`() async {
        let names = Names()
        let resolver = Resolver(lookUp: names.lookUp)
        let answers = Locked<[Resolver.Outcome]>([])
        for _ in 0..<3 {
            _ = resolver.resolve("a") { outcome in answers.withLock { $0.append(outcome) } }
        }
        _ = resolver.resolve("a", family: .ipv4) { outcome in answers.withLock { $0.append(outcome) } }
        await eventually("both have begun") { names.lookUps.count == 2 }
        names.release("a")
        await eventually("all are answered") { answers.value.count == 4 }
        #expect(self.answers(answers).sorted { $0[0] < $1[0] } == [["a any"], ["a any"], ["a any"], ["a ipv4"]])
        #expect(names.lookUps.count == 2)
        await eventually("no thread is left") { resolver.threadCount == 0 }
        // What is known is not kept.
        _ = resolver.resolve("a") { outcome in answers.withLock { $0.append(outcome) } }
        await eventually("it is looked up again") { answers.value.count == 5 && names.lookUps.count == 3 }
    }

    @Test func `one caller gives up, and the others get their answer`() async {
        let names = Names()
        let resolver = Resolver(lookUp: names.lookUp)
        let answers = Locked<[Resolver.Outcome]>([])
        let first = resolver.resolve("a") { _ in Issue.record("nobody waits for this") }
        _ = resolver.resolve("a") { outcome in answers.withLock { $0.append(outcome) } }
        resolver.cancel(first)
        resolver.cancel(first)
        names.release("a")
        await eventually("the other is answered") { answers.value.count == 1 }
    }

    @Test func `a look-up that nobody waits for any more is left out`() async {
        let names = Names()
        let resolver = Resolver(lookUp: names.lookUp)
        let answers = Locked<[Resolver.Outcome]>([])
        for number in 0..<Resolver.maximumWanted { _ = resolver.resolve("busy \(number)") { _ in } }
        let given = resolver.resolve("given up") { _ in Issue.record("nobody waits for this") }
        _ = resolver.resolve("wanted") { outcome in answers.withLock { $0.append(outcome) } }
        resolver.cancel(given)
        for name in (0..<Resolver.maximumWanted).map({ "busy \($0)" }) + ["wanted"] { names.release(name) }
        await eventually("the one behind it is answered") { answers.value.count == 1 }
        #expect(!names.lookUps.contains("given up"))
        await eventually("no thread is left") { resolver.threadCount == 0 }
    }

    @Test func `stuck look-ups whose callers have gone do not hold up others`() async {
        let names = Names()
        let resolver = Resolver(lookUp: names.lookUp)
        let stuck = (0..<Resolver.maximumWanted).map { "stuck \($0)" }
        let tickets = stuck.map { name in resolver.resolve(name) { _ in Issue.record("nobody waits for this") } }
        await eventually("they have begun") { names.lookUps.count == stuck.count }
        let answers = Locked<[Resolver.Outcome]>([])
        names.release("other")
        _ = resolver.resolve("other") { outcome in answers.withLock { $0.append(outcome) } }
        #expect(resolver.threadCount == Resolver.maximumWanted)
        #expect(!names.lookUps.contains("other"))
        resolver.cancel(tickets[0])
        await eventually("it has its turn") { answers.value.count == 1 }
        for ticket in tickets { resolver.cancel(ticket) }
        for name in stuck { names.release(name) }
        await eventually("no thread is left") { resolver.threadCount == 0 }
    }

    @Test func `the number of threads is bounded`() async {
        let names = Names()
        let resolver = Resolver(lookUp: names.lookUp)
        let all = (0..<200).map { "name \($0)" }
        for name in all { resolver.cancel(resolver.resolve(name) { _ in }) }
        // Those that wait in line are forgotten: only what a thread has taken is looked up.
        #expect(resolver.threadCount <= Resolver.maximumThreads)
        let answers = Locked(0)
        for name in all {
            let begun = names.lookUps.count
            let ticket = resolver.resolve(name) { _ in answers.withLock { $0 += 1 } }
            if resolver.threadCount < Resolver.maximumThreads {
                await eventually("\(name) has begun") { names.lookUps.count > begun || names.lookUps.contains(name) }
            }
            resolver.cancel(ticket)
        }
        #expect(resolver.threadCount <= Resolver.maximumThreads)
        for name in all { names.release(name) }
        await eventually("no thread is left") { resolver.threadCount == 0 }
        #expect(answers.value == 0)
    }

    @Test func `the system's look-up`() throws {
        let any = try AddressLookup.system("localhost", .any).get()
        #expect(any.contains("127.0.0.1") || any.contains("::1"))
        #expect(try AddressLookup.system("localhost", .ipv4).get() == ["127.0.0.1"])
        #expect(throws: WebSocketError.self) { try AddressLookup.system("127.0.0.1", .ipv6).get() }
        let error = #expect(throws: WebSocketError.self) { try AddressLookup.system("name.invalid.", .any).get() }
        #expect(error?.code == .resolveFailed)
        #expect(error?.message.hasPrefix("host \"name.invalid.\": ") == true)
    }

    @Test func `what is an address needs no look-up`() throws {
        #expect(try Resolver.numericAddress(of: Endpoint(host: "127.0.0.1", port: 1)) == "127.0.0.1")
        #expect(try Resolver.numericAddress(of: Endpoint(host: "::1", port: 1)) == "::1")
        #expect(try Resolver.numericAddress(of: Endpoint(host: "localhost", port: 1)) == nil)
        #expect(try Resolver.numericAddress(of: Endpoint(host: "fe80::1", port: 1, zone: "lo")) == "fe80::1%lo")
        #expect(try Resolver.numericAddress(of: Endpoint(host: "fe80::1", port: 1, zone: "1")) == "fe80::1%1")
        let error = #expect(throws: WebSocketError.self) {
            try Resolver.numericAddress(of: Endpoint(host: "fe80::1", port: 1, zone: "nova-none"))
        }
        #expect(error?.code == .resolveFailed)
        #expect(error?.message.contains("\"nova-none\"") == true)
    }
}
