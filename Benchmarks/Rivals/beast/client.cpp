// Boost.Beast, blocking, in two ways: beast and, with --way buffered, beast-buffered.
//
// beast is from https://www.boost.org/doc/libs/1_74_0/libs/beast/doc/html/beast/using_websocket.html and the example
// example/websocket/client/sync of the same documentation: a websocket::stream over the socket, read() into one
// flat_buffer that keeps its memory, write() of the whole message. Options that the reference of websocket::stream names for
// this: deflateSupported false unless it is wanted, auto_fragment(false), and a large write_buffer_bytes, into which a
// client's messages are masked. TLS goes through beast::ssl_stream, which the documentation prefers to Asio's, since it joins
// small buffers into one record. Text is validated by read(). Beast reads 1536 bytes ahead, and each write() is a system call.
//
// beast-buffered is the same over Asio's buffers (https://www.boost.org/doc/libs/1_74_0/doc/html/boost_asio/overview/core.html,
// buffered_read_stream and buffered_write_stream): better for many small messages, and an additional copy of large ones.
//
// Blocking means one connection.
#include "buffered.hpp"
#include "harness.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using harness::assignment;
using harness::outcome;
using harness::work;

namespace {

constexpr std::size_t largest_message = 64u << 20, write_buffer = 64u << 10;

void connect(tcp::socket &socket, const assignment &a, asio::io_context &io) {
    asio::connect(socket, tcp::resolver(io).resolve(a.host, a.port));
    socket.set_option(tcp::no_delay(true));
}

template <class Stream>
void open(Stream &ws, const assignment &a) {
    ws.read_message_max(largest_message);
    ws.auto_fragment(false);
    ws.write_buffer_bytes(write_buffer);
    ws.text(a.is_text);
    if (a.is_compressed) {
        websocket::permessage_deflate deflate;
        deflate.client_enable = true;
        ws.set_option(deflate);
    }
    websocket::response_type response;
    ws.handshake(response, a.host + ":" + a.port, a.resource());
    if (a.is_compressed && response["Sec-WebSocket-Extensions"].empty()) {
        throw std::runtime_error("the server does not compress");
    }
}

template <class Stream>
outcome flood(Stream &ws, const assignment &a) {
    outcome done;
    beast::flat_buffer buffer;
    for (;;) {
        beast::error_code error;
        ws.read(buffer, error);
        if (error == websocket::error::closed) return done;
        if (error) throw beast::system_error(error);
        if (ws.got_text() != a.is_text) throw std::runtime_error("a message of the other kind");
        done.messages += 1;
        done.bytes += buffer.size();
        buffer.consume(buffer.size());
    }
}

template <class Stream>
outcome sink(Stream &ws, const assignment &a) {
    outcome done;
    auto payload = harness::payload(a);
    for (; done.messages < a.count; done.messages++) done.bytes += ws.write(asio::buffer(payload));
    beast::flat_buffer answer;
    ws.read(answer);
    if (beast::buffers_to_string(answer.data()) != "ok") throw std::runtime_error("the sink did not answer");
    ws.close(websocket::close_code::normal);
    return done;
}

template <class Stream>
outcome echo(Stream &ws, const assignment &a) {
    outcome done;
    auto payload = harness::payload(a);
    done.round_trips_ns.reserve(a.count);
    beast::flat_buffer buffer;
    while (done.messages < a.count) {
        auto start = harness::now_ns();
        ws.write(asio::buffer(payload));
        ws.read(buffer);
        done.round_trips_ns.push_back(harness::now_ns() - start);
        if (buffer.size() != a.size) throw std::runtime_error("an echo of another size");
        done.messages += 1;
        done.bytes += buffer.size();
        buffer.consume(buffer.size());
    }
    ws.close(websocket::close_code::normal);
    return done;
}

template <bool deflates, class Next, class Transport>
outcome work_on(Transport &transport, const assignment &a) {
    websocket::stream<Next, deflates> ws(transport);
    open(ws, a);
    switch (a.kind) {
    case work::flood: return flood(ws, a);
    case work::sink: return sink(ws, a);
    default: return echo(ws, a);
    }
}

template <class Transport>
void secure(Transport &transport, const assignment &a, asio::io_context &io) {
    connect(transport.next_layer(), a, io);
    transport.set_verify_callback(asio::ssl::host_name_verification(a.host));
    SSL_set_tlsext_host_name(transport.native_handle(), a.host.c_str());
    transport.handshake(asio::ssl::stream_base::client);
}

template <bool deflates>
outcome perform(const assignment &a) {
    bool is_buffered = a.way == "buffered";
    asio::io_context io;
    if (!a.is_secure) {
        tcp::socket socket(io);
        connect(socket, a, io);
        if (is_buffered) return work_on<deflates, buffered<tcp::socket>>(socket, a);
        return work_on<deflates, tcp::socket &>(socket, a);
    }
    asio::ssl::context context(asio::ssl::context::tls_client);
    context.set_verify_mode(asio::ssl::verify_peer);
    if (a.certificate_path.empty()) context.set_default_verify_paths();
    else context.load_verify_file(a.certificate_path);
    if (is_buffered) {
        asio::ssl::stream<tcp::socket> transport(io, context);
        secure(transport, a, io);
        return work_on<deflates, buffered<decltype(transport)>>(transport, a);
    }
    beast::ssl_stream<tcp::socket> transport(io, context);
    secure(transport, a, io);
    return work_on<deflates, beast::ssl_stream<tcp::socket> &>(transport, a);
}

}  // namespace

int main(int argc, char **argv) {
    return harness::run("beast", argc, argv, [](const assignment &a) {
        return a.is_compressed ? perform<true>(a) : perform<false>(a);
    });
}
