// What a C++ contestant needs beside its library: the arguments, the payload, the measuring, and the line of JSON.
// The same for all contestants is told in Benchmarks/README.md.
#ifndef NOVA_BENCH_RIVALS_HARNESS_HPP
#define NOVA_BENCH_RIVALS_HARNESS_HPP

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace harness {

enum class work { flood, echo, sink };

inline std::string name_of(work kind) {
    return kind == work::flood ? "flood" : kind == work::echo ? "echo" : "sink";
}

struct assignment {
    work kind = work::flood;
    bool is_secure = false;
    std::string host, port;
    std::string own_resource;   // of the URL; empty when it has none
    std::uint64_t size = 0, count = 0;
    bool is_text = false, is_compressed = false;
    std::string certificate_path, way;
    unsigned timeout = 120;

    std::string resource() const {
        if (!own_resource.empty()) return own_resource;
        auto counted = "?count=" + std::to_string(count);
        if (kind == work::echo) return "/echo";
        if (kind == work::sink) return "/sink" + counted;
        return "/flood" + counted + "&size=" + std::to_string(size) + (is_text ? "&text=1" : "");
    }

    // A URL with a path of its own may name a number of messages: then a short run would leave some unread.
    assignment warm_up() const {
        auto copy = *this;
        if (own_resource.empty()) copy.count = std::max<std::uint64_t>(1, count / 20);
        return copy;
    }
};

struct outcome {
    std::uint64_t messages = 0, bytes = 0;
    std::vector<std::uint64_t> round_trips_ns;
};

inline std::uint64_t now_ns() {
    auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

// MARK: Arguments

inline void parse_url(assignment &a, const std::string &url) {
    a.is_secure = url.compare(0, 6, "wss://") == 0;
    if (!a.is_secure && url.compare(0, 5, "ws://") != 0) throw std::invalid_argument(url + " is not a ws: or wss: URL");
    auto authority = url.substr(a.is_secure ? 6 : 5);
    auto path = authority.find('/');
    if (path != std::string::npos && path + 1 < authority.size()) a.own_resource = authority.substr(path);
    authority = authority.substr(0, path);
    auto colon = authority.rfind(':');
    a.host = authority.substr(0, colon);
    a.port = colon == std::string::npos ? (a.is_secure ? "443" : "80") : authority.substr(colon + 1);
}

inline assignment parse_arguments(int argc, char **argv) {
    static const char usage[] = "usage: MODE --url URL --size N --count M [--text] [--deflate] [--ca FILE] [--timeout S] "
                                "[--way WAY]";
    assignment a;
    for (int i = 1; i < argc; i++) {
        std::string option = argv[i];
        if (option == "flood") a.kind = work::flood;
        else if (option == "echo") a.kind = work::echo;
        else if (option == "sink") a.kind = work::sink;
        else if (option == "--text") a.is_text = true;
        else if (option == "--deflate") a.is_compressed = true;
        else if (++i == argc) throw std::invalid_argument(usage);
        else if (option == "--url") parse_url(a, argv[i]);
        else if (option == "--size") a.size = std::stoull(argv[i]);
        else if (option == "--count") a.count = std::stoull(argv[i]);
        else if (option == "--ca") a.certificate_path = argv[i];
        else if (option == "--timeout") a.timeout = static_cast<unsigned>(std::stoul(argv[i]));
        else if (option == "--way") a.way = argv[i];
        else if (option != "--connections" || std::string(argv[i]) != "1") throw std::invalid_argument("cannot do " + option);
    }
    if (a.host.empty() || a.count == 0) throw std::invalid_argument(usage);
    return a;
}

// MARK: Payload

// Text of exactly `size` bytes, with a character of 2 to 4 bytes every sixteen.
inline std::string text_payload(std::size_t size) {
    static const std::string wide[] = {"\u00e9", "\u20ac", "\U0001f600"};
    std::string text;
    text.reserve(size);
    for (std::size_t characters = 1; text.size() < size; characters++) {
        const auto &character = wide[characters / 16 % 3];
        if (characters % 16 == 0 && text.size() + character.size() <= size) text += character;
        else text += static_cast<char>('a' + characters % 26);
    }
    return text;
}

// Records with names that repeat and numbers that do not, which deflate to about a third.
inline std::string json_payload(std::size_t size) {
    std::uint64_t state = 42;
    auto below = [&](std::uint64_t bound) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return static_cast<unsigned long long>(state % bound);
    };
    std::string text;
    while (text.size() < size) {
        char record[256];
        // One after another: the order in which arguments are evaluated is not defined.
        auto order = below(1ull << 48), time = 1590484100000 + below(900000), id = below(1000000000000);
        auto price = 8000 + below(2000), tenths = below(10), amount = below(100000), side = below(2);
        auto index = 8000 + below(2000), hundredths = 10 + below(90);
        std::snprintf(
            record, sizeof record,
            "{\"id\":%llu,\"order\":\"%llx\",\"time\":%llu,\"price\":%llu.%llu,\"amount\":%llu,\"side\":\"%s\","
            "\"index\":%llu.%llu},",
            id, order, time, price, tenths, amount, side ? "sell" : "buy", index, hundredths);
        text += record;
    }
    text.resize(size);
    return text;
}

inline std::string payload(const assignment &a) {
    if (a.is_compressed) return json_payload(a.size);
    return a.is_text ? text_payload(a.size) : std::string(a.size, 'x');
}

// MARK: Measuring

inline std::uint64_t cpu_ns() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    auto seconds = static_cast<std::uint64_t>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec);
    return seconds * 1000000000u + static_cast<std::uint64_t>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

// Not ru_maxrss, which after vfork and exec still counts the process that started this one.
inline std::uint64_t peak_resident_kb() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        if (word == "VmHWM:") {
            std::uint64_t kilobytes = 0;
            status >> kilobytes;
            return kilobytes;
        }
    }
    return 0;
}

// The smallest value that at least `per_mille` of all do not exceed.
inline std::string percentile_us(const std::vector<std::uint64_t> &sorted, std::size_t per_mille) {
    if (sorted.empty()) return "null";
    auto rank = std::max<std::size_t>(1, (sorted.size() * per_mille + 999) / 1000);
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", static_cast<double>(sorted[rank - 1]) / 1000);
    return text;
}

inline void print(const std::string &name, const assignment &a, outcome &done, std::uint64_t wall, std::uint64_t cpu) {
    auto &trips = done.round_trips_ns;
    std::sort(trips.begin(), trips.end());
    std::printf(
        "{\"name\":\"%s\",\"mode\":\"%s\",\"size\":%llu,\"n\":%llu,\"seconds\":%.4f,\"cpu_ns_per_msg\":%.1f,"
        "\"p50_us\":%s,\"p99_us\":%s,\"p999_us\":%s,\"max_rss_kb\":%llu%s%s%s}\n",
        name.c_str(), name_of(a.kind).c_str(), static_cast<unsigned long long>(a.size),
        static_cast<unsigned long long>(done.messages), static_cast<double>(wall) / 1e9,
        static_cast<double>(cpu) / static_cast<double>(done.messages), percentile_us(trips, 500).c_str(),
        percentile_us(trips, 990).c_str(), percentile_us(trips, 999).c_str(),
        static_cast<unsigned long long>(peak_resident_kb()), a.is_text ? ",\"text\":true" : "",
        a.is_secure ? ",\"tls\":true" : "", a.is_compressed ? ",\"deflate\":true" : "");
}

// Warms up on another connection, then measures `perform(assignment)`, from connecting to the closing handshake.
template <class Perform>
int run(const char *name, int argc, char **argv, Perform perform) {
    try {
        auto a = parse_arguments(argc, argv);
        alarm(a.timeout);
        perform(a.warm_up());
        auto cpu = cpu_ns(), wall = now_ns();
        outcome done = perform(a);
        cpu = cpu_ns() - cpu;
        wall = now_ns() - wall;
        if (done.messages != a.count) throw std::runtime_error(std::to_string(done.messages) + " messages came");
        if (a.own_resource.empty() && done.bytes != a.count * a.size) throw std::runtime_error("messages of other sizes");
        print(a.way.empty() ? name : name + ("-" + a.way), a, done, wall, cpu);
        return 0;
    } catch (const std::exception &problem) {
        std::cerr << name << ": " << problem.what() << "\n";
        return 1;
    }
}

}  // namespace harness

#endif
