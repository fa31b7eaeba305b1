/// A client's run of each path in each variant, with messages that are counted and echoes that are compared.
struct ClientCheck {
    let contestant: any Contestant
    let plain: ServerURL
    let secure: ServerURL
    let certificate: String

    /// At the borders of the forms of a frame's length (RFC 6455 section 5.2), and those that are measured.
    private static let sizes = [0, 1, 16, 125, 126, 1 << 10, 16 << 10, (64 << 10) - 1, 64 << 10, 1 << 20]

    var assignments: [Assignment] {
        var all: [Assignment] = []
        for work in [Work.flood, .echo, .sink] {
            for variant in 0..<8 {
                for connections in [1, 8] {
                    all += Self.sizes.map { self.assignment(work, variant, $0, connections) }
                }
            }
        }
        return all.filter { self.contestant.can($0.work, with: $0.features) }
    }

    private func assignment(_ work: Work, _ variant: Int, _ size: Int, _ connections: Int) -> Assignment {
        let isSecure = variant & 1 != 0
        // Enough for several reads and blocks, and few enough for a check of seconds.
        let count = max(2, min(work == .echo ? 50 : 2000, (2 << 20) / max(1, size)))
        return Assignment(
            work: work,
            server: isSecure ? self.secure : self.plain,
            size: size,
            count: count * connections,
            isText: variant & 2 != 0,
            isCompressed: variant & 4 != 0,
            connections: connections,
            certificatePath: isSecure ? self.certificate : nil
        )
    }

    /// What is wrong; nil when nothing is.
    func failure(of assignment: Assignment) async -> String? {
        do {
            let outcome = try await self.contestant.perform(assignment)
            guard outcome.messages == assignment.messages else {
                return "\(outcome.messages) messages of \(assignment.messages)"
            }
            let bytes = assignment.messages * assignment.size
            if let received = outcome.bytes, received != bytes { return "\(received) bytes of \(bytes)" }
            return nil
        } catch {
            return "\(error)"
        }
    }

    func title(of assignment: Assignment) -> String {
        let variant = assignment.features.map(\.rawValue).sorted()
        let words = [self.contestant.name, assignment.work.rawValue, byteText(assignment.size)] + variant
        return words.joined(separator: " ")
    }
}
