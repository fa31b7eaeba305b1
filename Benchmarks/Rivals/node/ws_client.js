'use strict';

// ws, of Debian's package node-ws.
//
// Its way, from https://github.com/websockets/ws/blob/8.11.0/README.md and doc/ws.md beside it: the 'message' event, whose
// data is one Buffer and is validated if it is text; send() of a Buffer, whose callback tells when it was written out, so that
// no more than 256 KiB wait; perMessageDeflate off unless it is wanted, and then for messages of all sizes (threshold 0). The
// README recommends bufferutil and utf-8-validate, which are compiled at their installation from npm: Debian does not have
// them, so that ws masks in JavaScript. Node.js itself writes what is sent in one turn of its loop together.

const fs = require('node:fs');
const path = require('node:path');
const { payloadOf, run, urlOf } = require('./harness.js');

const WebSocket = require(path.join(__dirname, '../../.build-rivals/node/usr/share/nodejs/ws'));

const MAXIMUM_SIZE = 64 << 20;
const WAITING = 256 << 10;

function connect(assignment) {
  return new WebSocket(urlOf(assignment), {
    perMessageDeflate: assignment.deflate && { threshold: 0 },
    maxPayload: MAXIMUM_SIZE,
    ca: assignment.ca && fs.readFileSync(assignment.ca),
  });
}

// Each returns what it does with a message; the server or `socket.close` ends it.
const works = {
  flood(socket, { text }, done) {
    return (data, isBinary) => {
      if (isBinary === text) throw new Error('a message of the other kind');
      done.messages += 1;
      done.bytes += data.length;
    };
  },

  echo(socket, assignment, done) {
    const payload = payloadOf(assignment);
    const options = { binary: !assignment.text };
    let start;
    const send = () => {
      start = process.hrtime.bigint();
      socket.send(payload, options);
    };
    socket.on('open', send);
    return (data) => {
      done.roundTrips.push(Number(process.hrtime.bigint() - start));
      done.messages += 1;
      done.bytes += data.length;
      if (done.messages === assignment.count) socket.close(1000);
      else send();
    };
  },

  sink(socket, assignment, done) {
    const payload = payloadOf(assignment);
    const options = { binary: !assignment.text };
    const batch = Math.max(1, Math.floor(WAITING / Math.max(1, payload.length)));
    const send = () => {
      const last = Math.min(done.messages + batch, assignment.count);
      while (done.messages < last) {
        done.messages += 1;
        done.bytes += payload.length;
        const isLast = done.messages === last && last < assignment.count;
        socket.send(payload, options, isLast ? send : undefined);
      }
    };
    socket.on('open', send);
    return (data) => {
      if (data.toString() !== 'ok') throw new Error('the sink did not answer');
      socket.close(1000);
    };
  },
};

function work(assignment) {
  return new Promise((resolve, reject) => {
    const done = { messages: 0, bytes: 0, roundTrips: [] };
    const socket = connect(assignment);
    socket.on('message', works[assignment.mode](socket, assignment, done));
    socket.on('error', reject);
    socket.on('open', () => {
      if (assignment.deflate && socket.extensions === '') reject(new Error('the server does not compress'));
    });
    socket.on('close', (code) => (code === 1000 ? resolve(done) : reject(new Error(`closed with ${code}`))));
  });
}

run('ws', work);
