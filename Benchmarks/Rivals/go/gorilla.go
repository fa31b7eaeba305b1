// gorilla/websocket.
//
// Its way, from https://pkg.go.dev/github.com/gorilla/websocket: NextReader into one buffer that keeps its memory, instead of
// ReadMessage, which makes one for each message; WriteMessage; a write buffer as large as the largest message ("Buffers"), so
// that a message is one frame, and a read buffer of 256 KiB, which holds many small messages. "It is the application's
// responsibility to ensure that text messages are valid UTF-8": utf8.Valid. Each WriteMessage is a system call: there is no
// other way to send.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

const readBuffer = 256 << 10

func dial(a assignment) (*websocket.Conn, error) {
	dialer := websocket.Dialer{ReadBufferSize: readBuffer, WriteBufferSize: a.size + 64, EnableCompression: a.deflate}
	if a.ca != "" {
		certificate, err := os.ReadFile(a.ca)
		if err != nil {
			return nil, err
		}
		dialer.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
		dialer.TLSClientConfig.RootCAs.AppendCertsFromPEM(certificate)
	}
	connection, response, err := dialer.Dial(a.url(), nil)
	if err == nil && a.deflate && response.Header.Get("Sec-WebSocket-Extensions") == "" {
		err = errors.New("the server does not compress")
	}
	return connection, err
}

// Reads the next message into the buffer.
func read(connection *websocket.Conn, message *bytes.Buffer) (kind int, err error) {
	kind, reader, err := connection.NextReader()
	if err != nil {
		return
	}
	message.Reset()
	_, err = message.ReadFrom(reader)
	if err == nil && kind == websocket.TextMessage && !utf8.Valid(message.Bytes()) {
		err = errors.New("a text that is not UTF-8")
	}
	return
}

// The closing handshake, when we begin it.
func closeNormally(connection *websocket.Conn) error {
	normal := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := connection.WriteMessage(websocket.CloseMessage, normal); err != nil {
		return err
	}
	_, _, err := connection.NextReader()
	return unlessNormal(err)
}

func unlessNormal(err error) error {
	if websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		return nil
	}
	return err
}

func flood(connection *websocket.Conn, a assignment, expected int) (done outcome, err error) {
	var message bytes.Buffer
	for {
		kind, err := read(connection, &message)
		if err != nil {
			return done, unlessNormal(err)
		}
		if kind != expected {
			return done, errors.New("a message of the other kind")
		}
		done.messages++
		done.bytes += message.Len()
	}
}

func echo(connection *websocket.Conn, a assignment, kind int) (done outcome, err error) {
	payload := a.payload()
	done.roundTripsNs = make([]int64, 0, a.count)
	var message bytes.Buffer
	for done.messages < a.count {
		start := time.Now()
		if err = connection.WriteMessage(kind, payload); err != nil {
			return
		}
		if _, err = read(connection, &message); err != nil {
			return
		}
		done.roundTripsNs = append(done.roundTripsNs, int64(time.Since(start)))
		done.messages++
		done.bytes += message.Len()
	}
	return done, closeNormally(connection)
}

func sink(connection *websocket.Conn, a assignment, kind int) (done outcome, err error) {
	payload := a.payload()
	for ; done.messages < a.count; done.messages++ {
		if err = connection.WriteMessage(kind, payload); err != nil {
			return
		}
		done.bytes += len(payload)
	}
	var answer bytes.Buffer
	if _, err = read(connection, &answer); err == nil && answer.String() != "ok" {
		err = errors.New("the sink did not answer")
	}
	if err != nil {
		return
	}
	return done, closeNormally(connection)
}

func work(a assignment) (outcome, error) {
	connection, err := dial(a)
	if err != nil {
		return outcome{}, err
	}
	defer connection.Close()
	kind := websocket.BinaryMessage
	if a.text {
		kind = websocket.TextMessage
	}
	switch a.mode {
	case "flood":
		return flood(connection, a, kind)
	case "echo":
		return echo(connection, a, kind)
	}
	return sink(connection, a, kind)
}

func main() {
	run("gorilla", work)
}
