package server

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/export"
)

// kindOfExport are the media type and the end of a file's name.
var kindOfExport = map[export.Format][2]string{
	export.JSONL: {"application/x-ndjson", "jsonl"},
	export.CSV:   {"text/csv; charset=utf-8; header=present", "csv"},
	export.VCard: {"text/vcard; charset=utf-8", "vcf"},
}

// Export implements ServerInterface.
func (s *Server) Export(w http.ResponseWriter, r *http.Request, params api.ExportParams) {
	if !s.person(w, r) {
		return
	}
	if err := cmp.Or(checkEnum("format", params.Format), s.options.Committer.Wait(r.Context(), 0)); err != nil {
		s.fail(w, err)
		return
	}
	format := export.Format(params.Format)
	kind := kindOfExport[format]
	out := &download{writer: w, control: http.NewResponseController(w), begin: func() {
		w.Header().Set("Content-Type", kind[0])
		w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="callboard-%s.%s"`, time.Now().UTC().Format(time.DateOnly), kind[1]))
	}}
	err := export.Write(r.Context(), out, format, s.options.Store)
	switch {
	case err == nil:
	case out.begin != nil:
		s.fail(w, err)
	default: // half an answer must not look like a whole one
		s.options.Logger.Error("an export broke off", "error", err)
		panic(http.ErrAbortHandler)
	}
}

// download is an answer that may take long, as long as it is taken: each piece has the time that others have for all.
type download struct {
	writer  http.ResponseWriter
	control *http.ResponseController
	begin   func() // nil once it has begun
}

func (d *download) Write(piece []byte) (int, error) {
	if d.begin != nil {
		d.begin()
		d.begin = nil
	}
	if err := d.control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, err
	}
	n, err := d.writer.Write(piece)
	if err == nil {
		err = d.control.Flush()
	}
	return n, err
}
