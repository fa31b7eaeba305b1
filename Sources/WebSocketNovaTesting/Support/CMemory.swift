import Glibc

/// Copies of values for C structures that keep the pointers which they are given.
struct CMemory {
    private var blocks: [UnsafeMutableRawPointer] = []

    /// A copy of the string, ended with a zero, that lives until ``free()``.
    mutating func string(_ string: String) -> UnsafePointer<CChar> {
        UnsafePointer(self.array(string.utf8CString.map { $0 }))
    }

    /// A copy of the elements that lives until ``free()``.
    mutating func array<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
        let copy = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
        copy.initialize(from: elements, count: elements.count)
        self.blocks.append(UnsafeMutableRawPointer(copy))
        return copy
    }

    /// Frees every copy.
    mutating func free() {
        for block in self.blocks { block.deallocate() }
        self.blocks = []
    }
}
