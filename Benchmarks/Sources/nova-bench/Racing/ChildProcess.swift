import Glibc

/// This program, started again with other arguments, or another one. Its standard input and output are pipes.
///
/// posix_spawn by hand, because Foundation's Process would bring all of Foundation into each measured process.
final class ChildProcess {
    /// This program itself.
    static let ownProgram = "/proc/self/exe"

    let pid: pid_t
    private var input: Int32
    private let output: UnsafeMutablePointer<FILE>
    private var isReaped = false

    /// - Parameter executable: looked for in PATH unless it has a slash.
    init(executable: String = ChildProcess.ownProgram, arguments: [String]) throws {
        let (inputRead, inputWrite) = try Self.makePipe()
        let (outputRead, outputWrite) = try Self.makePipe()
        defer {
            close(inputRead)
            close(outputWrite)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, inputRead, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, outputWrite, STDOUT_FILENO)

        let argv = ([executable] + arguments).map { strdup($0) } + [nil]
        defer { argv.forEach { free($0) } }
        var pid = pid_t()
        let problem = posix_spawnp(&pid, executable, &actions, nil, argv, environ)
        guard problem == 0, let output = fdopen(outputRead, "r") else {
            close(inputWrite)
            close(outputRead)
            throw BenchmarkError(errno: problem == 0 ? errno : problem, "cannot start \(executable) \(arguments)")
        }
        self.pid = pid
        self.input = inputWrite
        self.output = output
    }

    deinit {
        self.closeInput()
        fclose(self.output)
        if !self.isReaped { _ = self.wait() }
    }

    func readLine() -> String? {
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        let size = getline(&line, &capacity, self.output)
        guard size > 0, let line else { return nil }
        return String(cString: line).trimmingNewline()
    }

    /// False when the process does not read any more.
    func writeLine(_ line: String) -> Bool {
        let bytes = Array((line + "\n").utf8)
        return write(self.input, bytes, bytes.count) == bytes.count
    }

    func closeInput() {
        if self.input >= 0 { close(self.input) }
        self.input = -1
    }

    /// What the program prints in one line; nil if it cannot be started or fails.
    static func firstLine(of executable: String, _ arguments: [String]) -> String? {
        guard let process = try? ChildProcess(executable: executable, arguments: arguments) else { return nil }
        process.closeInput()
        let line = process.readLine()
        return process.wait() == 0 ? line : nil
    }

    /// Waits for the end; the exit status, or 128 + the signal.
    func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(self.pid, &status, 0) < 0, errno == EINTR {}
        self.isReaped = true
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }

    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw BenchmarkError(errno: errno, "cannot make a pipe") }
        // Not pipe2, which Glibc's module does not show; nothing else starts processes meanwhile.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }
}

extension String {
    fileprivate func trimmingNewline() -> String {
        self.hasSuffix("\n") ? String(self.dropLast()) : self
    }
}
