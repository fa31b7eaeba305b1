import Glibc

/// What malloc has given out.
enum Heap {
    /// The bytes in use in all arenas. Unlike the resident memory, it does not depend on where free blocks lie.
    ///
    /// Zero under a sanitizer, which has a malloc of its own.
    static var bytesInUse: Int {
        // <malloc.h> is not part of Swift's Glibc module: malloc_info(3) is looked up by name.
        guard let symbol = dlsym(nil, "malloc_info"), !Sanitizer.isOn else { return 0 }
        typealias MallocInfo = @convention(c) (Int32, UnsafeMutablePointer<FILE>) -> Int32
        let mallocInfo = unsafeBitCast(symbol, to: MallocInfo.self)
        var text: UnsafeMutablePointer<CChar>?
        var size = 0
        guard let stream = open_memstream(&text, &size) else { return 0 }
        _ = mallocInfo(0, stream)
        fclose(stream)
        defer { free(text) }
        guard let text else { return 0 }
        // The sums over all arenas stand behind the last of them.
        let lines = String(cString: text).split(separator: "\n")
        let sums = lines.suffix(from: (lines.lastIndex { $0.hasPrefix("</heap>") } ?? -1) + 1)
        func bytes(_ element: String) -> Int {
            let line = sums.first { $0.hasPrefix("<\(element)") }
            let number = line?.split(separator: "size=\"").last?.prefix { $0.isNumber }
            return number.flatMap { Int($0) } ?? 0
        }
        return bytes("system type=\"current\"") + bytes("total type=\"mmap\"") - bytes("total type=\"fast\"")
            - bytes("total type=\"rest\"")
    }
}
