/// The load server in a process of its own, so that only the client's CPU time is measured.
final class LoadServerProcess {
    let url: String
    private let process: ChildProcess

    init(arguments: [String] = []) throws {
        self.process = try ChildProcess(arguments: ["serve", "--until-end-of-input"] + arguments)
        guard let url = self.process.readLine() else { throw BenchmarkError("the load server did not start") }
        self.url = url
    }

    func stop() {
        self.process.closeInput()
        _ = self.process.wait()
    }
}
