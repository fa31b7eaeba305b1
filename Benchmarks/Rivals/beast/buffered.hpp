// A transport with Asio's buffers on both sides, as the next layer of a websocket::stream.
#ifndef NOVA_BENCH_RIVALS_BUFFERED_HPP
#define NOVA_BENCH_RIVALS_BUFFERED_HPP

#include <boost/asio/buffered_read_stream.hpp>
#include <boost/asio/buffered_write_stream.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <type_traits>

constexpr std::size_t buffer_size = 64u << 10;

// Gathers what is written until the buffer is full or something is to be read: an answer may depend on it.
template <class Transport>
class gathering : public boost::asio::buffered_write_stream<Transport &> {
    using base = boost::asio::buffered_write_stream<Transport &>;

public:
    explicit gathering(Transport &transport) : base(transport, buffer_size) {}

    template <class Buffers>
    std::size_t read_some(const Buffers &buffers, boost::system::error_code &error) {
        this->flush(error);
        return error ? 0 : base::read_some(buffers, error);
    }
    template <class Buffers>
    std::size_t read_some(const Buffers &buffers) {
        this->flush();
        return base::read_some(buffers);
    }
};

template <class Transport>
struct buffered : boost::asio::buffered_read_stream<gathering<Transport>> {
    explicit buffered(Transport &transport)
        : boost::asio::buffered_read_stream<gathering<Transport>>(transport, buffer_size) {}
};

// The customization point that Beast asks for: how a next layer ends.
template <class Transport>
void teardown(boost::beast::role_type role, buffered<Transport> &stream, boost::system::error_code &error) {
    stream.next_layer().flush(error);
    using boost::beast::websocket::teardown;
    if (!error) teardown(role, stream.next_layer().next_layer(), error);
}

#endif
