package trust

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// The files of a key folder.
const (
	ed25519File = "ed25519.pem" // PKCS#8 (RFC 8410)
	openpgpFile = "openpgp.asc" // transferable secret key (RFC 9580, section 10.2), armoured
)

// Keys are a person's private keys: one Ed25519 key, which signs envelopes, and one OpenPGP key, which
// makes the detached signatures. It is a Signer.
type Keys struct {
	// Dir is the folder the keys were read from.
	Dir string
	// Clock gives the time OpenPGP signatures carry; what it says is cut to seconds. LoadOrCreate sets
	// it to the constant time it was given.
	Clock func() time.Time

	private ed25519.PrivateKey
	pgp     *openpgp.Entity
}

// DefaultDir is the folder of the private keys: FORGE_KEYS, else forge/keys in the user's configuration
// folder. It is an error where neither FORGE_KEYS, XDG_CONFIG_HOME, AppData nor HOME is set.
func DefaultDir(getenv func(string) string) (string, error) {
	if dir := getenv("FORGE_KEYS"); dir != "" {
		return filepath.Abs(dir)
	}
	for _, name := range configVariables {
		// The XDG base directory specification has relative values ignored.
		if base := getenv(name); filepath.IsAbs(base) {
			return filepath.Join(base, "forge", "keys"), nil
		}
	}
	if home := getenv(homeVariable); filepath.IsAbs(home) {
		return filepath.Join(home, homeConfig, "forge", "keys"), nil
	}
	return "", fmt.Errorf("find the folder of the signing keys: neither FORGE_KEYS nor %s is set", homeVariable)
}

// LoadOrCreate reads the keys in dir and makes the ones that are missing, with a random source that must
// be cryptographically secure. created tells that a key was made. The folder must be private to the user
// (mode 0700, files 0600), else it is refused. Two processes that do this at once end with the same keys.
func LoadOrCreate(dir string, now time.Time, random io.Reader) (keys *Keys, created bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, false, fmt.Errorf("make the folder of the signing keys: %w", err)
	}
	if err := checkPrivateDir(dir); err != nil {
		return nil, false, err
	}
	keys = &Keys{Dir: dir, Clock: func() time.Time { return now }}
	madePEM, err := ensure(filepath.Join(dir, ed25519File), func() ([]byte, error) { return newEd25519(random) })
	if err != nil {
		return nil, false, err
	}
	madePGP, err := ensure(filepath.Join(dir, openpgpFile), func() ([]byte, error) { return newOpenPGP(now, random) })
	if err != nil {
		return nil, false, err
	}
	return keys, madePEM || madePGP, keys.read()
}

// Load reads the keys in dir and makes none: fs.ErrNotExist where one is missing.
func Load(dir string, now time.Time) (*Keys, error) {
	if err := checkPrivateDir(dir); err != nil {
		return nil, err
	}
	keys := &Keys{Dir: dir, Clock: func() time.Time { return now }}
	return keys, keys.read()
}

func (k *Keys) read() error {
	path := filepath.Join(k.Dir, ed25519File)
	raw, err := readPrivate(path)
	if err != nil {
		return err
	}
	if k.private, err = parseEd25519(raw); err != nil {
		return fmt.Errorf("read the signing key %s: %w", path, err)
	}
	path = filepath.Join(k.Dir, openpgpFile)
	if raw, err = readPrivate(path); err != nil {
		return err
	}
	if k.pgp, err = parseOpenPGP(raw); err != nil {
		return fmt.Errorf("read the signing key %s: %w", path, err)
	}
	return nil
}

// readPrivate reads a key file that is a plain file of the user's, with no rights for others.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read the signing key %s: it is not a file", path)
	}
	if err := checkPrivate(path, info, "chmod 600"); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}

func checkPrivateDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("read the folder of the signing keys: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("read the folder of the signing keys: %s is not a folder", dir)
	}
	return checkPrivate(dir, info, "chmod 700")
}
