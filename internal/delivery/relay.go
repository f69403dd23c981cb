package delivery

import (
	"net"
	"os"
	"sync"
	"time"
)

// relay is a socket for connections on which a write cannot be tried: a goroutine writes one block after another, and one more
// may wait for it. A write that takes longer than a reader may stand still ends the connection.
type relay struct {
	net.Conn
	blocks chan block
	closed chan struct{}
	once   sync.Once
}

type block struct {
	bytes []byte        // nil: nothing comes any more
	done  chan struct{} // closed when it is written; may be nil
}

func newRelay(conn net.Conn) *relay {
	k := &relay{Conn: conn, blocks: make(chan block, 1), closed: make(chan struct{})}
	go k.run()
	return k
}

func (k *relay) run() {
	for {
		select {
		case <-k.closed:
			return
		case b := <-k.blocks:
			if k.pass(b) != nil {
				k.Close()
			}
			if b.done != nil {
				close(b.done)
			}
		}
	}
}

func (k *relay) pass(b block) error {
	if b.bytes == nil {
		return closeWrite(k.Conn)
	}
	if err := k.Conn.SetWriteDeadline(time.Now().Add(stuckAfter)); err != nil {
		return err
	}
	_, err := k.Conn.Write(b.bytes)
	return err
}

func (k *relay) Try(bytes []byte) (int, error) {
	select {
	case <-k.closed:
		return 0, net.ErrClosed
	default:
	}
	select {
	case k.blocks <- block{bytes: bytes}:
		return len(bytes), nil
	default:
		return 0, nil
	}
}

// Write waits for what was tried before.
func (k *relay) Write(bytes []byte) (int, error) {
	b := block{bytes: bytes, done: make(chan struct{})}
	select {
	case k.blocks <- b:
	case <-k.closed:
		return 0, net.ErrClosed
	}
	select {
	case <-b.done:
	case <-k.closed:
	}
	select {
	case <-k.closed:
		return 0, net.ErrClosed
	default:
		return len(bytes), nil
	}
}

// SetWriteDeadline does nothing: each block has its own.
func (k *relay) SetWriteDeadline(time.Time) error { return nil }

func (k *relay) ReadSome(take func(data []byte) error) error {
	buffer := buffers.Get().(*[16 << 10]byte)
	defer buffers.Put(buffer)
	n, err := k.Conn.Read(buffer[:])
	if err != nil {
		return err
	}
	return take(buffer[:n])
}

func (k *relay) CloseWrite() error {
	select {
	case k.blocks <- block{}:
		return nil
	default:
		return os.ErrDeadlineExceeded
	}
}

func (k *relay) Close() error {
	k.once.Do(func() { close(k.closed) })
	return k.Conn.Close()
}
