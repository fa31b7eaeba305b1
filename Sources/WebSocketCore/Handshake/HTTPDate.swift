/// A time as HTTP headers tell it, in seconds since 1970 (RFC 9110 section 5.6.7).
///
/// All three forms are read, as a recipient must: `Sun, 06 Nov 1994 08:49:37 GMT`, the obsolete
/// `Sunday, 06-Nov-94 08:49:37 GMT`, and asctime's `Sun Nov  6 08:49:37 1994`. The name of the day is not checked.
struct HTTPDate: Hashable, Comparable {
    let secondsSince1970: Int

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// - Parameter century: where to look for the year of the form that has two digits of it: a year that seems more than 50
    ///   years after this date is one of the century before.
    init?(_ text: String, near: HTTPDate? = nil) {
        let parts = text.utf8.split {
            HTTPGrammar.isWhiteSpace($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ",")
        }
        .map { String(Substring($0)) }
        let isAsctime = parts.count == 5
        guard isAsctime || (parts.count == 6 && parts[5] == "GMT") else { return nil }
        guard let month = Self.months.firstIndex(of: isAsctime ? parts[1] : parts[2]),
            let day = Self.number(isAsctime ? parts[2] : parts[1], 1...31),
            let time = Self.secondsOfDay(isAsctime ? parts[3] : parts[4])
        else { return nil }
        let yearText = isAsctime ? parts[4] : parts[3]
        guard let year = Self.number(yearText, 0...9_999) else { return nil }
        func date(_ year: Int) -> HTTPDate {
            HTTPDate(secondsSince1970: Self.days(year, month + 1, day) * 86_400 + time)
        }
        switch yearText.utf8.count {
        case 4:
            self = date(year)
        case 2:
            let fiftyYears = 50 * 365 * 86_400
            let isFuture = near.map { date(2_000 + year).secondsSince1970 > $0.secondsSince1970 + fiftyYears }
            self = date((isFuture ?? (year >= 70) ? 1_900 : 2_000) + year)
        default:
            return nil
        }
    }

    private init(secondsSince1970: Int) {
        self.secondsSince1970 = secondsSince1970
    }

    static func < (left: HTTPDate, right: HTTPDate) -> Bool { left.secondsSince1970 < right.secondsSince1970 }

    private static func secondsOfDay(_ text: String) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let hour = Self.number(parts[0], 0...23), let minute = Self.number(parts[1], 0...59),
            // 60 is a leap second.
            let second = Self.number(parts[2], 0...60)
        else { return nil }
        return hour * 3_600 + minute * 60 + second
    }

    private static func number(_ text: String, _ range: ClosedRange<Int>) -> Int? {
        guard !text.isEmpty, text.utf8.count <= 4,
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = Int(text),
            range.contains(number)
        else { return nil }
        return number
    }

    /// Days from 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the leap day is their last.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let monthsFromMarch = (month + 9) % 12
        let years = month > 2 ? year : year - 1
        let leapDays = years / 4 - years / 100 + years / 400
        let dayOfYear = (153 * monthsFromMarch + 2) / 5 + day - 1
        // 719,468 days lie between 0000-03-01 and 1970-01-01.
        return years * 365 + leapDays + dayOfYear - 719_468
    }
}
