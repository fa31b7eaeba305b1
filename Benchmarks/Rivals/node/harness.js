'use strict';

// What a contestant in JavaScript needs beside its library: the arguments, the payload, the measuring, and the line of JSON.
// The same for all contestants is told in Benchmarks/README.md.

const fs = require('node:fs');
const { parseArgs } = require('node:util');

function parseArguments() {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      size: { type: 'string' },
      count: { type: 'string' },
      text: { type: 'boolean', default: false },
      deflate: { type: 'boolean', default: false },
      connections: { type: 'string', default: '1' },
      ca: { type: 'string' },
      timeout: { type: 'string', default: '120' },
    },
  });
  const assignment = {
    ...values,
    mode: positionals[0],
    server: new URL(values.url),
    size: Number(values.size),
    count: Number(values.count),
    connections: Number(values.connections),
  };
  const isValid =
    ['flood', 'echo', 'sink'].includes(assignment.mode) &&
    assignment.size >= 0 && assignment.connections > 0 && assignment.count >= assignment.connections;
  if (!isValid) throw new Error('usage: flood|echo|sink --url URL --size N --count M [OPTIONS]');
  setTimeout(() => process.exit(1), 1000 * Number(values.timeout)).unref();
  return assignment;
}

// Whether the URL has a path of its own, which is then used as it is.
const hasResource = ({ server }) => server.pathname !== '/' || server.search !== '';

function urlOf(assignment) {
  if (hasResource(assignment)) return assignment.server.href;
  const { mode, size, count, text } = assignment;
  const resource = {
    flood: `/flood?size=${size}&count=${count}${text ? '&text=1' : ''}`,
    echo: '/echo',
    sink: `/sink?count=${count}`,
  };
  return `${assignment.server.protocol}//${assignment.server.host}${resource[mode]}`;
}

// Text of exactly `size` bytes, with a character of 2 to 4 bytes every sixteen.
function textPayload(size) {
  const wide = ['\u00e9', '\u20ac', '\u{1f600}'].map((character) => Buffer.from(character));
  const text = Buffer.alloc(size);
  for (let at = 0, characters = 1; at < size; characters++) {
    const character = wide[Math.floor(characters / 16) % 3];
    if (characters % 16 === 0 && at + character.length <= size) at += character.copy(text, at);
    else text[at++] = 97 + (characters % 26);
  }
  return text;
}

// Records with names that repeat and numbers that do not, which deflate to about a third.
function jsonPayload(size) {
  let state = 42n;
  const below = (bound) => {
    state = BigInt.asUintN(64, state ^ (state << 13n));
    state ^= state >> 7n;
    state = BigInt.asUintN(64, state ^ (state << 17n));
    return Number(state % BigInt(bound));
  };
  const records = [];
  for (let length = 0; length < size; length += records.at(-1).length) {
    const order = below(2 ** 48).toString(16);
    const time = 1590484100000 + below(900000);
    records.push(
      `{"id":${below(1e12)},"order":"${order}","time":${time},` +
        `"price":${8000 + below(2000)}.${below(10)},"amount":${below(100000)},` +
        `"side":"${['buy', 'sell'][below(2)]}","index":${8000 + below(2000)}.${10 + below(90)}},`,
    );
  }
  return Buffer.from(records.join('').slice(0, size));
}

// What is sent, of an echo or to a sink.
function payloadOf({ size, text, deflate }) {
  if (deflate) return jsonPayload(size);
  return text ? textPayload(size) : Buffer.alloc(size, 'x');
}

// The smallest value that at least `perMille` of all do not exceed.
function percentile(sorted, perMille) {
  if (sorted.length === 0) return null;
  return Number((sorted[Math.ceil((sorted.length * perMille) / 1000) - 1] / 1000).toFixed(2));
}

function cpuNanoseconds() {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return (userCPUTime + systemCPUTime) * 1000;
}

// Not maxRSS, which after vfork and exec still counts the process that started this one.
const peakResidentKilobytes = () => Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'ascii'))[1]);

// Does the work on each of the connections, at the same time.
async function perform(assignment, work) {
  const share = { ...assignment, count: Math.floor(assignment.count / assignment.connections) };
  const outcomes = await Promise.all(Array.from({ length: assignment.connections }, () => work(share)));
  return {
    messages: outcomes.reduce((sum, { messages }) => sum + messages, 0),
    bytes: outcomes.reduce((sum, { bytes }) => sum + bytes, 0),
    roundTrips: outcomes.flatMap(({ roundTrips }) => roundTrips),
    expected: share.count * assignment.connections,
  };
}

async function measure(name, work) {
  const assignment = parseArguments();
  // A short run of the same work, unless a URL's own path may name a number of messages.
  const short = Math.max(assignment.connections, Math.floor(assignment.count / 20));
  await perform(hasResource(assignment) ? assignment : { ...assignment, count: short }, work);

  const cpuBefore = cpuNanoseconds();
  const start = process.hrtime.bigint();
  const outcome = await perform(assignment, work);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const cpu = cpuNanoseconds() - cpuBefore;
  if (outcome.messages !== outcome.expected) throw new Error(`${outcome.messages} messages of ${outcome.expected}`);
  if (!hasResource(assignment) && outcome.bytes !== outcome.expected * assignment.size) {
    throw new Error('messages of other sizes');
  }
  const sorted = outcome.roundTrips.sort((a, b) => a - b);
  const { mode, size, text, deflate, connections } = assignment;
  console.log(
    JSON.stringify({
      name, mode, size,
      n: outcome.messages,
      seconds: Number(seconds.toFixed(4)),
      cpu_ns_per_msg: Number((cpu / outcome.messages).toFixed(1)),
      p50_us: percentile(sorted, 500),
      p99_us: percentile(sorted, 990),
      p999_us: percentile(sorted, 999),
      max_rss_kb: peakResidentKilobytes(),
      text: text || undefined,
      tls: assignment.server.protocol === 'wss:' || undefined,
      deflate: deflate || undefined,
      connections: connections > 1 ? connections : undefined,
    }),
  );
}

// Measures `work`, which does one connection's share from connecting to the closing handshake, and prints the line.
function run(name, work) {
  measure(name, work).catch((problem) => {
    console.error(`${name}: ${problem.message}`);
    process.exit(1);
  });
}

module.exports = { payloadOf, run, urlOf };
