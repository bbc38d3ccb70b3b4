package sources

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// The kinds of packet of gitprotocol-common and gitprotocol-v2.
type packetKind int

const (
	packetData packetKind = iota
	packetFlush
	packetDelim
	packetEnd
)

// maxPacket is the largest packet git allows, with its four digits of length (gitprotocol-common, pkt-line).
const maxPacket = 65520

// errPacket says that the bytes are not pkt-lines.
var errPacket = errors.New("malformed pkt-line")

// packetReader reads pkt-lines. It never holds more than one packet.
type packetReader struct {
	r     *bufio.Reader
	buf   []byte
	taken int64 // bytes of the packets so far
}

func newPacketReader(r io.Reader) *packetReader { return &packetReader{r: bufio.NewReader(r)} }

// next reads one packet. The data is valid until the next call. At the end of the input the error is io.EOF.
func (p *packetReader) next() (packetKind, []byte, error) {
	var digits [4]byte
	if _, err := io.ReadFull(p.r, digits[:]); err != nil {
		return 0, nil, err
	}
	size, err := packetSize(digits)
	if err != nil {
		return 0, nil, err
	}
	p.taken += int64(max(size, len(digits)))
	switch size {
	case 0:
		return packetFlush, nil, nil
	case 1:
		return packetDelim, nil, nil
	case 2:
		return packetEnd, nil, nil
	}
	if size < 4 || size > maxPacket {
		return 0, nil, fmt.Errorf("%w: a packet of %d bytes", errPacket, size)
	}
	if cap(p.buf) < size {
		p.buf = make([]byte, size)
	}
	data := p.buf[:size-4]
	if _, err := io.ReadFull(p.r, data); err != nil {
		return 0, nil, noEOF(err)
	}
	return packetData, data, nil
}

func packetSize(digits [4]byte) (int, error) {
	size := 0
	for _, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			size = size<<4 | int(c-'0')
		case c >= 'a' && c <= 'f':
			size = size<<4 | int(c-'a'+10)
		case c >= 'A' && c <= 'F':
			size = size<<4 | int(c-'A'+10)
		default:
			return 0, fmt.Errorf("%w: its length is not hexadecimal", errPacket)
		}
	}
	return size, nil
}

// noEOF turns an end in the middle of something into an error that is not mistaken for a proper end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// trimLine removes the line feed that a text packet may end with.
func trimLine(data []byte) []byte { return bytes.TrimSuffix(data, []byte("\n")) }

// packetWriter builds a request.
type packetWriter struct{ bytes.Buffer }

func (w *packetWriter) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...) + "\n"
	fmt.Fprintf(&w.Buffer, "%04x%s", len(text)+4, text)
}

func (w *packetWriter) delim() { w.WriteString("0001") }

func (w *packetWriter) flush() { w.WriteString("0000") }
