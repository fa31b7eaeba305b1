package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"net/url"
	"os"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

// What has to be done; count is of all connections together.
type assignment struct {
	mode          string
	server        *url.URL
	size, count   int
	text, deflate bool
	connections   int
	ca            string
}

// What was done: counted by the contestant.
type outcome struct {
	messages, bytes int
	roundTripsNs    []int64
}

// Whether the URL has a path of its own, which is then used as it is.
func (a assignment) hasResource() bool {
	return strings.Trim(a.server.Path, "/") != "" || a.server.RawQuery != ""
}

// What one of the connections has to do.
func (a assignment) share() assignment {
	a.count /= a.connections
	a.connections = 1
	return a
}

// A short run of the same work, unless a URL's own path may name a number of messages.
func (a assignment) warmUp() assignment {
	if !a.hasResource() {
		a.count /= 20
		if a.count < a.connections {
			a.count = a.connections
		}
	}
	return a
}

func (a assignment) url() string {
	if a.hasResource() {
		return a.server.String()
	}
	origin := a.server.Scheme + "://" + a.server.Host
	switch a.mode {
	case "echo":
		return origin + "/echo"
	case "sink":
		return fmt.Sprintf("%s/sink?count=%d", origin, a.count)
	}
	text := ""
	if a.text {
		text = "&text=1"
	}
	return fmt.Sprintf("%s/flood?size=%d&count=%d%s", origin, a.size, a.count, text)
}

// What is sent, of an echo or to a sink.
func (a assignment) payload() []byte {
	if a.deflate {
		return jsonPayload(a.size)
	}
	if a.text {
		return textPayload(a.size)
	}
	return []byte(strings.Repeat("x", a.size))
}

// Text of exactly so many bytes, with a character of 2 to 4 bytes every sixteen.
func textPayload(size int) []byte {
	wide := []string{"\u00e9", "\u20ac", "\U0001f600"}
	text := make([]byte, 0, size)
	for characters := 1; len(text) < size; characters++ {
		character := wide[characters/16%3]
		if characters%16 == 0 && len(text)+len(character) <= size {
			text = append(text, character...)
		} else {
			text = append(text, byte('a'+characters%26))
		}
	}
	return text
}

// Records with names that repeat and numbers that do not, which deflate to about a third.
func jsonPayload(size int) []byte {
	state := uint64(42)
	below := func(bound uint64) uint64 {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		return state % bound
	}
	var text strings.Builder
	for text.Len() < size {
		order, moment := below(1<<48), 1590484100000+below(900000)
		// Arguments are evaluated in their order.
		fmt.Fprintf(&text, `{"id":%d,"order":"%x","time":%d,"price":%d.%d,"amount":%d,"side":"%s","index":%d.%d},`,
			below(1000000000000), order, moment, 8000+below(2000), below(10), below(100000),
			[]string{"buy", "sell"}[below(2)], 8000+below(2000), 10+below(90))
	}
	return []byte(text.String()[:size])
}

type line struct {
	Name        string   `json:"name"`
	Mode        string   `json:"mode"`
	Size        int      `json:"size"`
	N           int      `json:"n"`
	Seconds     float64  `json:"seconds"`
	CPU         float64  `json:"cpu_ns_per_msg"`
	P50         *float64 `json:"p50_us"`
	P99         *float64 `json:"p99_us"`
	P999        *float64 `json:"p999_us"`
	MaxRSS      int      `json:"max_rss_kb"`
	Text        bool     `json:"text,omitempty"`
	TLS         bool     `json:"tls,omitempty"`
	Deflate     bool     `json:"deflate,omitempty"`
	Connections int      `json:"connections,omitempty"`
}

func rounded(value float64, places int) float64 {
	scale := math.Pow10(places)
	return math.Round(value*scale) / scale
}

// The smallest value that at least so many per mille of all do not exceed.
func percentileUs(sorted []int64, perMille int) *float64 {
	if len(sorted) == 0 {
		return nil
	}
	rank := (len(sorted)*perMille + 999) / 1000
	value := rounded(float64(sorted[rank-1])/1000, 2)
	return &value
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Not ru_maxrss, which after vfork and exec still counts the process that started this one.
func peakResidentKB() (kilobytes int) {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Sscan(rest, &kilobytes)
	return
}

func parseArguments() (a assignment, timeout time.Duration, err error) {
	options := flag.NewFlagSet("", flag.ContinueOnError)
	address := options.String("url", "", "the server")
	seconds := options.Int("timeout", 120, "end after this many seconds")
	options.IntVar(&a.size, "size", 0, "bytes in a message")
	options.IntVar(&a.count, "count", 0, "messages")
	options.BoolVar(&a.text, "text", false, "text messages")
	options.BoolVar(&a.deflate, "deflate", false, "offer permessage-deflate")
	options.IntVar(&a.connections, "connections", 1, "connections, opened at once")
	options.StringVar(&a.ca, "ca", "", "a PEM file with the authority to trust")
	usage := errors.New("usage: flood|echo|sink --url URL --size N --count M [OPTIONS]")
	if len(os.Args) < 2 {
		return a, 0, usage
	}
	a.mode = os.Args[1]
	if err = options.Parse(os.Args[2:]); err != nil {
		return
	}
	if a.server, err = url.Parse(*address); err != nil {
		return
	}
	if !strings.Contains("flood echo sink", a.mode) || a.server.Host == "" || a.connections < 1 || a.count < a.connections {
		err = usage
	}
	return a, time.Duration(*seconds) * time.Second, err
}

// Does the work on each of the connections, at the same time.
func perform(a assignment, work func(assignment) (outcome, error)) (total outcome, err error) {
	var lock sync.Mutex
	var group sync.WaitGroup
	for i := 0; i < a.connections; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			done, problem := work(a.share())
			lock.Lock()
			defer lock.Unlock()
			total.messages += done.messages
			total.bytes += done.bytes
			total.roundTripsNs = append(total.roundTripsNs, done.roundTripsNs...)
			if problem != nil {
				err = problem
			}
		}()
	}
	group.Wait()
	return
}

// Warms up on other connections, then measures the work, from connecting to the closing handshake.
func measure(name string, a assignment, work func(assignment) (outcome, error)) (*line, error) {
	if _, err := perform(a.warmUp(), work); err != nil {
		return nil, err
	}
	cpu, start := cpuTime(), time.Now()
	done, err := perform(a, work)
	seconds, cpu := time.Since(start).Seconds(), cpuTime()-cpu
	expected := a.share().count * a.connections
	if err == nil && done.messages != expected {
		err = fmt.Errorf("%d messages of %d", done.messages, expected)
	}
	if err == nil && !a.hasResource() && done.bytes != expected*a.size {
		err = errors.New("messages of other sizes")
	}
	if err != nil {
		return nil, err
	}
	trips := done.roundTripsNs
	sort.Slice(trips, func(i, j int) bool { return trips[i] < trips[j] })
	result := &line{
		Name: name, Mode: a.mode, Size: a.size, N: done.messages, Seconds: rounded(seconds, 4),
		CPU: rounded(float64(cpu)/float64(done.messages), 1),
		P50: percentileUs(trips, 500), P99: percentileUs(trips, 990), P999: percentileUs(trips, 999),
		MaxRSS: peakResidentKB(), Text: a.text, TLS: a.server.Scheme == "wss", Deflate: a.deflate,
	}
	if a.connections > 1 {
		result.Connections = a.connections
	}
	return result, nil
}

func run(name string, work func(assignment) (outcome, error)) {
	a, timeout, err := parseArguments()
	var result *line
	if err == nil {
		time.AfterFunc(timeout, func() { os.Exit(1) })
		result, err = measure(name, a, work)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(result)
}
