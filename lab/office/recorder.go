package office

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/lab"
)

// Recorder is a manager connection that keeps every byte. It is the Ear of what it records.
type Recorder struct {
	addr  string
	conn  net.Conn
	read  chan struct{} // closed when the reading has ended
	heard chan struct{} // has an item after a read
	login time.Time
	n     int // of the last ActionID

	mu    sync.Mutex // guards what follows
	wire  []byte
	times strings.Builder
}

const marker = "### reconnect\n"

// snapshot is what is asked after a login, so that the recording has the answers to a snapshot.
var snapshot = []string{
	"CoreSettings", "CoreStatus", "DeviceStateList", "ExtensionStateList", "CoreShowChannels", "Status",
	"BridgeList", "ParkedCalls", "QueueStatus",
}

// Listen connects to a lab as the account that may everything, asks for the snapshot and keeps on reading.
func Listen(ctx context.Context, l *lab.Lab) (*Recorder, error) {
	r := &Recorder{addr: l.AMIAddr(), heard: make(chan struct{}, 1)}
	r.times.WriteString("# offset length unix_ms   (one line per read of the recorded connection; offset is into the .ami file)\n")
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Recorder) connect(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return fmt.Errorf("office: recorder: %w", err)
	}
	r.conn, r.read = conn, make(chan struct{})
	go r.keep(conn)
	from := r.size()
	if err := r.ask(ctx, from, "Authentication accepted", "Login", "Username: admin", "Secret: "+secret("admin"), "Events: on"); err != nil {
		return err
	}
	if r.login.IsZero() {
		r.login = time.Now()
	}
	for _, action := range snapshot {
		if err := r.ask(ctx, from, "", action); err != nil {
			return err
		}
	}
	return r.await(ctx, from, "Event: QueueStatusComplete")
}

// ask sends an action and waits until a text has come, if there is one.
func (r *Recorder) ask(ctx context.Context, from int, want, action string, fields ...string) error {
	r.n++
	fields = append([]string{fmt.Sprintf("ActionID: rec-%d-%s", r.n, strings.ToLower(action))}, fields...)
	if _, err := fmt.Fprint(r.conn, message(action, fields...)); err != nil {
		return fmt.Errorf("office: recorder: %w", err)
	}
	return r.await(ctx, from, want)
}

func (r *Recorder) await(ctx context.Context, from int, want string) error {
	for {
		r.mu.Lock()
		found := strings.Contains(string(r.wire[from:]), want)
		r.mu.Unlock()
		if found {
			return nil
		}
		select {
		case <-r.heard:
		case <-r.read:
			return fmt.Errorf("office: recorder: the PBX hung up; no %q", want)
		case <-ctx.Done():
			return fmt.Errorf("office: recorder: waiting for %q: %w", want, context.Cause(ctx))
		}
	}
}

func (r *Recorder) keep(conn net.Conn) {
	defer close(r.read)
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			r.mu.Lock()
			fmt.Fprintf(&r.times, "%d %d %d\n", len(r.wire), n, time.Now().UnixMilli())
			r.wire = append(r.wire, buf[:n]...)
			r.mu.Unlock()
			select {
			case r.heard <- struct{}{}:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

func (r *Recorder) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.wire)
}

// Drop loses the connection.
func (r *Recorder) Drop() {
	r.conn.Close()
	<-r.read
}

// Reconnect has it back, with another snapshot.
func (r *Recorder) Reconnect(ctx context.Context) error {
	r.Drop()
	fmt.Fprintf(&r.times, "# ### reconnect marker at offset %d, %d bytes, not received\n", len(r.wire), len(marker))
	r.wire = append(r.wire, marker...)
	return r.connect(ctx)
}

// settle returns when nothing more has come for a while: the last events of a call trickle.
func (r *Recorder) settle(ctx context.Context) error {
	const silence = 300 * time.Millisecond
	for {
		t := time.NewTimer(silence)
		select {
		case <-r.heard:
			t.Stop()
		case <-t.C:
			return nil
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
	}
}
