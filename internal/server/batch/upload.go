package batch

import (
	"database/sql"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Bounds of an upload.
const (
	maxUpload = maxFile + 1<<20 // bytes of its body
	maxFields = 16
	maxField  = 4096 // bytes of a field that is no file
)

// upload is what an upload has said so far.
type upload struct {
	file    *file
	purpose string
	anchor  string
	seconds string
}

// upload takes a file in: a form of several parts, in any order.
func (b *Batches) upload(w http.ResponseWriter, r *http.Request) error {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return &wire.Error{Kind: wire.MediaType, Message: "a form cannot be packed"}
	}
	form, err := r.MultipartReader()
	if err != nil {
		return wire.Refuse("file", "the body is no form: want multipart/form-data with file and purpose")
	}
	tenant := b.o.Tenant(r.Context())
	if err := b.files.room(r.Context(), tenant); err != nil {
		return err
	}
	u := &upload{}
	err = u.read(form, b.files)
	if err == nil {
		err = u.check(b.o.Now())
	}
	if err == nil {
		err = told(b.db.Update(r.Context(), func(tx *sql.Tx) error { return b.files.add(r.Context(), tx, tenant, u.file) }))
	}
	if err != nil {
		if u.file != nil {
			b.files.drop(u.file)
		}
		return err
	}
	wire.WriteJSON(w, http.StatusOK, u.file)
	return nil
}

// read reads the parts.
func (u *upload) read(form *multipart.Reader, to *files) error {
	for n := 0; ; n++ {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return unread(err)
		case n == maxFields:
			return wire.Refuse("", "the form has more than %d fields", maxFields)
		}
		if part.FormName() == "file" {
			err = u.take(part, to)
		} else {
			err = u.field(part)
		}
		if err != nil {
			return err
		}
	}
}

// take keeps the contents of the file.
func (u *upload) take(part *multipart.Part, to *files) error {
	if u.file != nil {
		return wire.Refuse("file", "the form has more than one file")
	}
	x := &file{ID: wire.NewID(filePrefix), Object: "file", CreatedAt: to.now().Unix(), Filename: label(part.FileName()), Status: "processed"}
	size, err := to.write(x.ID, func(out io.Writer) error {
		n, err := io.Copy(out, io.LimitReader(part, maxFile+1))
		switch {
		case n > maxFile:
			return &wire.Error{Kind: wire.TooLarge, Param: "file", Message: "the file is too large, want at most " + strconv.Itoa(maxFile>>20) + " MiB"}
		case err != nil:
			return unread(err)
		}
		return nil
	})
	if err != nil {
		return told(err)
	}
	x.Bytes, u.file = size, x
	return nil
}

// field reads a field that is no file.
func (u *upload) field(part *multipart.Part) error {
	text, err := io.ReadAll(io.LimitReader(part, maxField+1))
	switch name := part.FormName(); {
	case err != nil:
		return unread(err)
	case len(text) > maxField:
		return wire.Refuse(short(name), "a field of the form is too long, want at most %d bytes", maxField)
	case name == "purpose":
		u.purpose = string(text)
	case name == "expires_after[anchor]":
		u.anchor = string(text)
	case name == "expires_after[seconds]":
		u.seconds = string(text)
	}
	return nil
}

// check says what the form lacks.
func (u *upload) check(now time.Time) error {
	switch {
	case u.file == nil:
		return wire.Refuse("file", "file is missing")
	case u.purpose == "":
		return wire.Refuse("purpose", "purpose is missing")
	case u.purpose != batchPurpose:
		return wire.Refuse("purpose", "purpose is %s, want %s", wire.Quote(u.purpose), batchPurpose)
	}
	u.file.Purpose = u.purpose
	if u.anchor == "" && u.seconds == "" {
		return nil
	}
	if u.anchor != "created_at" {
		return wire.Refuse("expires_after.anchor", "expires_after.anchor is %s, want created_at", wire.Quote(u.anchor))
	}
	n, err := strconv.ParseInt(u.seconds, 10, 64)
	if err != nil || n < int64(leastKeep/time.Second) || n > int64(mostKeep/time.Second) {
		return wire.Refuse("expires_after.seconds", "expires_after.seconds is %s, want %d to %d", wire.Quote(u.seconds), leastKeep/time.Second, mostKeep/time.Second)
	}
	at := now.Unix() + n
	u.file.ExpiresAt = &at
	return nil
}

// unread is an error of reading a form.
func unread(err error) error {
	var beyond *http.MaxBytesError
	if errors.As(err, &beyond) {
		return &wire.Error{Kind: wire.TooLarge, Param: "file", Message: "the body is too large, want a file of at most " + strconv.Itoa(maxFile>>20) + " MiB"}
	}
	return &wire.Error{Kind: wire.Invalid, Message: "the form cannot be read", Err: err}
}

// short cuts the name of a field.
func short(name string) string {
	return strings.Trim(wire.Quote(name), `"`)
}

// label returns the name of a file as it is kept: what stands behind the last slash, of
// either kind, without what cannot be seen. It names nothing but itself.
func label(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '"' || r == '\ufffd' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if len(name) > maxLabel {
		name = strings.ToValidUTF8(name[:maxLabel], "")
	}
	if name = strings.Trim(name, " ."); name == "" {
		return "file"
	}
	return name
}
