import Glibc

struct BenchmarkError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }

    init(errno code: Int32, _ what: String) {
        self.description = "\(what): \(String(cString: strerror(code)))"
    }
}
