package trust

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// readKeyring reads OpenPGP public keys: armoured, in one block or several (as keys.asc files are often
// put together), or binary. Versions and algorithms we do not know are left out.
func readKeyring(data []byte) (openpgp.EntityList, error) {
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("the keyring is larger than %d bytes", maxKeyFile)
	}
	var ring openpgp.EntityList
	var err error
	if !bytes.Contains(data, []byte("-----BEGIN PGP")) {
		ring, err = openpgp.ReadKeyRing(bytes.NewReader(data))
	} else {
		ring, err = readArmouredKeyring(data)
	}
	if err != nil {
		return nil, err
	}
	if len(ring) == 0 {
		return nil, errors.New("there is no OpenPGP key in it")
	}
	for _, e := range ring {
		if e.PrivateKey != nil {
			return nil, errors.New("it holds a private key: give the public half (forge keys export --format openpgp)")
		}
	}
	return ring, nil
}

func readArmouredKeyring(data []byte) (openpgp.EntityList, error) {
	var ring openpgp.EntityList
	in := bufio.NewReader(bytes.NewReader(data)) // shared, so that Decode goes on where it stopped
	for {
		block, err := armor.Decode(in)
		if err == io.EOF {
			return ring, nil
		}
		if err != nil {
			return nil, err
		}
		if block.Type != openpgp.PublicKeyType && block.Type != openpgp.PrivateKeyType {
			return nil, fmt.Errorf("it holds a %q, want a public key", block.Type)
		}
		some, err := openpgp.ReadKeyRing(block.Body)
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(io.Discard, block.Body); err != nil {
			return nil, err
		}
		ring = append(ring, some...)
	}
}
